/** What went into a span or came out of it, in one of three renderings. Never as markup. */
import { useMemo } from "react";
import { digits } from "@/kit/format";
import type { Finding } from "@/kit/marks";
import { passages, plain, turns } from "@/kit/turns";
import { Json } from "@/parts/json";
import { Marked } from "@/parts/marked";
import { Line } from "@/parts/text";
import { Chat, type Place } from "./chat";
import { Long } from "./long";
import type { Rendering } from "./rendering";

export function Payload(props: {
  value: unknown;
  rendering: Rendering;
  findings: readonly Finding[];
  place: Place;
}) {
  const { value, rendering } = props;
  if (value === null || value === undefined) return <p className="soft">Nothing on record.</p>;
  if (rendering === "JSON") return <Json value={value} open={3} />;
  if (rendering === "Text") return <Plain value={value} />;
  return <Readable {...props} />;
}

function Plain({ value }: { value: unknown }) {
  const text = useMemo(() => plain(value), [value]);
  return <Long text={text} mono />;
}

function Readable({ value, findings, place }: Parameters<typeof Payload>[0]) {
  const said = useMemo(() => turns(value), [value]);
  const found = useMemo(() => (said ? null : passages(value)), [said, value]);
  if (said) return <Chat turns={said} findings={findings} place={place} />;
  if (typeof value === "string")
    return findings.length > 0 ? <Marked text={value} marks={findings} /> : <Long text={value} />;
  if (!found) return <Json value={value} open={3} />;
  return (
    <ol className="trace-passages">
      {found.map((one, index) => (
        <li key={index}>
          <p className="row">
            <span className="soft">{index + 1}</span>
            <strong className="cut grow">
              <Line text={one.id} />
            </strong>
            {one.score !== null && <span className="soft">score {digits(one.score)}</span>}
          </p>
          <Long text={one.text} lines={4} />
        </li>
      ))}
    </ol>
  );
}
