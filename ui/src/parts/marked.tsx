/** Text of anybody in which something was found: what was found stands out, and says what it is. */
import { type Mark, marked } from "@/kit/marks";
import { visible } from "@/kit/visible";
import { Text } from "@/parts/text";
import "./marked.css";

const MOST_CHARS = 50_000;

export function Marked({ text, marks }: { text: string; marks: readonly Mark[] }) {
  if (marks.length === 0 || text.length > MOST_CHARS) return <Text text={text} />;
  return (
    <div className="text" dir="auto">
      {marked(text, marks).map((part, index) =>
        part.what === null ? (
          <span key={index}>{visible(part.text)}</span>
        ) : (
          <mark key={index} className="marked" title={visible(part.what)}>
            {visible(part.text)}
            <sup>{visible(part.what)}</sup>
          </mark>
        ),
      )}
    </div>
  );
}
