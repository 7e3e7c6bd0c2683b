/** A conversation: who said what, and each call of a tool beside what came back. */
import { useMemo } from "react";
import { count } from "@/kit/format";
import { type Finding, findingsOf } from "@/kit/marks";
import type { Node, Tree } from "@/kit/tree";
import { laidOut, type Part, results, said, type Turn } from "@/kit/turns";
import { head, visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Marked } from "@/parts/marked";
import { Line } from "@/parts/text";
import { useSpan } from "./data";
import { ErrorText } from "./error-text";
import { Long } from "./long";

/** Where a payload belongs, so that what came of a call can be looked up in the trace. */
export interface Place {
  trace_id: string;
  span_id: string;
  tree: Tree;
  onChoose: (id: string) => void;
}

interface Props {
  turns: readonly Turn[];
  findings: readonly Finding[];
  place: Place;
}

export function Chat({ turns, findings, place }: Props) {
  const back = useMemo(() => results(turns), [turns]);
  const roles = useMemo(() => turns.map((turn) => turn.role), [turns]);
  const asked = useMemo(() => calledIds(turns), [turns]);
  const nth = useMemo(() => unanswered(turns, back), [turns, back]);
  return (
    <ol className="trace-turns">
      {turns.map((turn, index) => {
        const parts = turn.parts.filter(
          (part) => !(part.kind === "result" && part.id && asked.has(part.id)),
        );
        if (parts.length === 0 && turn.parts.length > 0) return null;
        let texts = 0;
        return (
          <li key={index} data-role={turn.role}>
            <span className="trace-role">
              {visible(head(turn.role, 30))}
              {turn.name && <Line text={turn.name} />}
            </span>
            <div className="stack">
              {parts.length === 0 && <span className="soft">nothing</span>}
              {parts.map((part, at) => {
                const piece = part.kind === "text" && !part.thought ? texts++ : 0;
                return (
                  <Piece
                    key={at}
                    part={part}
                    back={back}
                    nth={nth.get(part) ?? 0}
                    marks={findingsOf(findings, roles, index, piece)}
                    place={place}
                  />
                );
              })}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function calledIds(turns: readonly Turn[]): Set<string> {
  const found = new Set<string>();
  for (const part of turns.flatMap((turn) => turn.parts))
    if (part.kind === "call" && part.id) found.add(part.id);
  return found;
}

/** Of the calls of one tool whose results are not in the conversation, which each of them is. */
function unanswered(turns: readonly Turn[], back: ReadonlyMap<string, string>): Map<Part, number> {
  const found = new Map<Part, number>();
  const seen = new Map<string, number>();
  for (const part of turns.flatMap((turn) => turn.parts)) {
    if (part.kind !== "call" || (part.id && back.has(part.id))) continue;
    const before = seen.get(part.name) ?? 0;
    found.set(part, before);
    seen.set(part.name, before + 1);
  }
  return found;
}

function Piece(props: {
  part: Part;
  back: ReadonlyMap<string, string>;
  nth: number;
  marks: readonly Finding[];
  place: Place;
}) {
  const { part, marks } = props;
  if (part.kind === "call") return <Call {...props} call={part} />;
  if (part.kind === "image") return <Picture part={part} />;
  if (part.kind === "other") return <Long text={said(part.value)} mono />;
  const text = part.kind === "result" ? laidOut(part.text) : part.text;
  if (marks.length > 0) return <Marked text={part.text} marks={marks} />;
  return (
    <div className={part.kind === "text" && part.thought ? "trace-thought" : ""}>
      {part.kind === "text" && part.thought && <span className="soft">thought</span>}
      <Long text={text} mono={part.kind === "result"} />
    </div>
  );
}

/** What kind of file is there and where, never the file: nothing is fetched to look at a trace. */
function Picture({ part }: { part: Part & { kind: "image" } }) {
  return (
    <p className="trace-picture">
      <span aria-hidden="true">▣</span> <Line text={part.type} />
      {part.bytes !== null && <span className="soft">{count(part.bytes)} B</span>}
      <span className="soft">
        <Line text={part.source} />
      </span>
    </p>
  );
}

function Call(props: {
  call: Part & { kind: "call" };
  back: ReadonlyMap<string, string>;
  nth: number;
  place: Place;
}) {
  const { call, place } = props;
  const known = call.id === null ? undefined : props.back.get(call.id);
  const node = known === undefined ? toolAfter(place, call.name, props.nth) : undefined;
  return (
    <div className="trace-call">
      <div>
        <p className="row">
          <span aria-hidden="true">→</span>
          <strong className="cut">
            <Line text={call.name || "a tool without a name"} />
          </strong>
        </p>
        <Long text={laidOut(call.arguments)} mono lines={12} />
      </div>
      <div>
        {known !== undefined && (
          <>
            <p className="soft">← came back</p>
            <Long text={laidOut(known)} mono lines={12} />
          </>
        )}
        {node && <CameBack node={node} place={place} />}
        {known === undefined && !node && <p className="soft">← nothing on record</p>}
      </div>
    </div>
  );
}

/** What the span of a tool gave back, which is not part of the call that asked for it. */
function CameBack({ node, place }: { node: Node; place: Place }) {
  const { span, isThere } = useSpan(place.trace_id, node.id);
  return (
    <>
      <p className="row">
        {node.status === "error" ? (
          <span className="bad">✕ failed</span>
        ) : (
          <span className="soft">← came back</span>
        )}
        <Button kind="quiet" onClick={() => place.onChoose(node.id)}>
          Open the span
        </Button>
      </p>
      {isThere && span?.error && <ErrorText text={span.error} />}
      {isThere && span && !span.error && <Long text={said(span.output)} mono lines={12} />}
    </>
  );
}

/** The span of the nth call of a tool by a model: of this name, below the model's span or beside it. */
function toolAfter({ tree, span_id }: Place, name: string, nth: number): Node | undefined {
  const from = tree.places.get(span_id);
  const caller = from === undefined ? undefined : tree.nodes[from];
  if (!caller) return undefined;
  const stop = caller.parent === null ? caller.end : (tree.nodes[caller.parent]?.end ?? 0);
  let left = nth;
  for (let at = caller.at + 1; at < stop; at++) {
    const node = tree.nodes[at];
    if (node?.kind === "tool" && node.name === name && left-- === 0) return node;
  }
  return undefined;
}
