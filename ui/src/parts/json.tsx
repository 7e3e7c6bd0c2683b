/** A JSON value that can be opened where it is of interest; what is closed is not in the page. */
import { useState } from "react";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Text } from "@/parts/text";
import "./json.css";

const FIRST = 50;
const MORE = 500;
const LONG_CHARS = 240;

export function Json({ value, open = 2 }: { value: unknown; open?: number }) {
  return (
    <div className="json mono">
      <Value value={value} open={open} />
    </div>
  );
}

function Value({ name, value, open }: { name?: string; value: unknown; open: number }) {
  if (typeof value === "object" && value !== null)
    return <Inside name={name} value={value} open={open} />;
  return (
    <div className="json-line">
      <Name name={name} />
      {typeof value === "string" ? <Said text={value} /> : <span>{String(value)}</span>}
    </div>
  );
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span className="json-name">{visible(name)}: </span>;
}

/** A text keeps its lines; a long one has a place of its own. */
function Said({ text }: { text: string }) {
  if (text.length <= LONG_CHARS && !text.includes("\n"))
    return <bdi className="json-text">"{visible(text)}"</bdi>;
  return (
    <div className="json-long">
      <Text text={text} mono />
    </div>
  );
}

function Inside(props: { name: string | undefined; value: object; open: number }) {
  const [isOpen, setOpen] = useState(props.open > 0);
  const [most, setMost] = useState(FIRST);
  const isList = Array.isArray(props.value);
  const entries = Object.entries(props.value);
  const size = isList ? `[${count(entries.length)}]` : `{${count(entries.length)}}`;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={props.name} />
        <span className="soft">{size}</span>
      </summary>
      {isOpen &&
        entries
          .slice(0, most)
          .map(([key, value]) => (
            <Value key={key} name={key} value={value} open={props.open - 1} />
          ))}
      {isOpen && entries.length > most && (
        <Button onClick={() => setMost(most + MORE)}>
          Show more: {count(most)} of {count(entries.length)}
        </Button>
      )}
    </details>
  );
}
