/** The texts of a call that a rule fired on, with what it found marked at its place. */
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { digits } from "@/kit/format";
import { type Finding, findingsOf } from "@/kit/marks";
import { plain, turns } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Failure } from "@/parts/failure";
import { Marked } from "@/parts/marked";
import { Facts } from "@/parts/pane";
import { Line, Text } from "@/parts/text";
import { When } from "@/parts/when";
import { Done, Mode } from "./said";

export type Event = Schemas["trimtab.guards.report.Event"];

export function EventFacts({ event }: { event: Event }) {
  const kinds = new Set(findings(event).map((one) => one.what));
  return (
    <Facts
      facts={[
        ["What came of it", <Done key="done" event={event} />],
        ["Mode", event.mode && <Mode mode={event.mode} />],
        ["Side", event.stage],
        ["Score", event.value === null ? "" : scored(event.value, event.threshold)],
        ["Found", [...kinds].map(visible).join(", ")],
        ["Reason", event.reason && <Line text={event.reason} />],
        ["When", <When key="when" ns={event.time_ns} />],
        [
          "Trace",
          event.trace_id && (
            <Link href={`/traces/${event.trace_id}?span=${event.span_id}`}>{event.trace_id}</Link>
          ),
        ],
      ]}
    />
  );
}

function scored(value: number, threshold: number | null): string {
  return threshold === null ? digits(value) : `${digits(value)}, fires from ${digits(threshold)}`;
}

function findings(event: Event): Finding[] {
  const list = event.findings as unknown as { at?: string; kind?: string }[];
  return list.flatMap((one) => {
    const { at, start, end, kind } = one as Partial<Finding> & { kind?: string };
    if (typeof at !== "string" || typeof start !== "number" || typeof end !== "number") return [];
    return [{ at, start, end, rule: event.rule, what: kind ?? event.rule }];
  });
}

export function FoundTexts({ event }: { event: Event }) {
  const { trace_id, span_id } = event;
  const { data, error, refetch } = useAnswer(
    ["spans", trace_id, span_id],
    (signal) =>
      api.get("/api/v1/traces/{trace_id}/spans/{span_id}", {
        path: { trace_id: trace_id ?? "", span_id },
        signal,
      }),
    { on: trace_id !== null },
  );
  if (error) return <Failure error={error} again={() => void refetch()} />;
  if (!data || data.span_id !== span_id) return null;
  return <Texts payload={event.stage === "output" ? data.output : data.input} event={event} />;
}

/** The messages in which something was found; all of them where a rule points at no place. */
function Texts({ payload, event }: { payload: unknown; event: Event }) {
  const told = turns(payload);
  if (!told) return <Text text={plain(payload)} />;
  const marks = findings(event);
  const roles = told.map((turn) => turn.role);
  const places = told.flatMap((turn, at) => {
    let texts = 0;
    return turn.parts.flatMap((part) => {
      const text = part.kind === "call" ? part.arguments : "text" in part ? part.text : null;
      if (text === null) return [];
      const piece = part.kind === "text" && !part.thought ? texts++ : 0;
      return [{ role: turn.role, text, marks: findingsOf(marks, roles, at, piece) }];
    });
  });
  const hit = places.filter((one) => one.marks.length > 0);
  const shown = hit.length > 0 ? hit : places;
  return (
    <>
      <ol className="guards-texts">
        {shown.map((one, index) => (
          <li key={index}>
            <span className="soft">{visible(one.role).slice(0, 30)}</span>
            <Marked text={one.text} marks={one.marks} />
          </li>
        ))}
      </ol>
      {hit.length > 0 && hit.length < places.length && (
        <p className="soft">{places.length - hit.length} more in which nothing was found.</p>
      )}
      {hit.length === 0 && marks.length > 0 && (
        <p className="soft">What it found stands beside the messages: open the trace.</p>
      )}
    </>
  );
}
