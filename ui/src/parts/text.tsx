/** Text of anybody: shown as text, never as markup, and never wider or longer than its place. */
import { Fragment, useState } from "react";
import { count } from "@/kit/format";
import { head, pieces, visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import "./text.css";

const FIRST_CHARS = 20_000;
const MORE_CHARS = 200_000;

/** One line of it, for a cell. */
export function Line({ text }: { text: string | null | undefined }) {
  if (!text) return <span className="soft">–</span>;
  return <bdi title={visible(head(text, 2_000))}>{visible(head(text, 400))}</bdi>;
}

/** All of it, a part at a time when it is long: a line of 5 MB takes no browser down. */
export function Text({ text, mono }: { text: string; mono?: boolean }) {
  const [chars, setChars] = useState(FIRST_CHARS);
  const part = head(text, chars);
  return (
    <div className={mono ? "text mono" : "text"} dir="auto">
      {pieces(visible(part)).map((piece, at) => (
        <Fragment key={at}>
          {at > 0 && <wbr />}
          {piece}
        </Fragment>
      ))}
      {part.length < text.length && (
        <p className="row">
          <Button onClick={() => setChars(chars + MORE_CHARS)}>Show more</Button>
          <span className="soft">
            {count(part.length)} of {count(text.length)} characters
          </span>
        </p>
      )}
    </div>
  );
}
