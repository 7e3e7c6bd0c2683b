/** The text of a template: what the engine reads of it stands out from what the model reads. */
import { pieces, type Syntax } from "@/kit/templates";
import { visible } from "@/kit/visible";
import { Text } from "@/parts/text";
import "./template.css";

const MOST_CHARS = 50_000;

export function Template({ text, syntax }: { text: string; syntax: Syntax }) {
  if (text.length > MOST_CHARS) return <Text text={text} />;
  return (
    <div className="text" dir="auto">
      {pieces(text, syntax).map((piece, index) =>
        piece.isTag ? (
          <span key={index} className="template-tag">
            {visible(piece.text)}
          </span>
        ) : (
          <span key={index}>{visible(piece.text)}</span>
        ),
      )}
    </div>
  );
}
