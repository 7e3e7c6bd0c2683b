/** One step of a run: what was asked and what came out; without one, the run's own inputs and output. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Copy } from "@/parts/copy";
import { Json } from "@/parts/json";
import { Text } from "@/parts/text";
import type { Shown } from "./steps";

export function Step(props: { run: Schemas["PlanRunView"]; line: Shown | null }) {
  const { run, line } = props;
  if (!line)
    return (
      <div className="plans-detail">
        <Part title="Inputs" value={run.inputs} />
        <Part title="Output" value={run.output} />
        <p className="soft">Enter on a step shows what it was asked and what came out.</p>
      </div>
    );
  const { record } = line;
  return (
    <div className="plans-detail">
      <h2>{visible(line.key)}</h2>
      {!record && <p className="soft">Nothing is on record of it: it is {line.state}.</p>}
      {record && (
        <>
          <p className="soft">{told(record)}</p>
          {record.error && <p className="plans-error">{visible(record.error)}</p>}
          <Part title="Output" value={record.output} />
          <Part title="Request" value={record.request} />
          {record.trace_id && (
            <p>
              <Link href={`/traces/${record.trace_id}?span=${record.span_id ?? ""}`}>
                Open it in the trace
              </Link>
            </p>
          )}
        </>
      )}
    </div>
  );
}

function told(record: Schemas["StepRecord"]): string {
  return [
    record.model ? `answered by ${visible(record.model)}` : "",
    record.pinned ? `pinned to ${visible(record.pinned)}` : "",
    (record.attempts ?? 1) > 1 ? `${count(record.attempts)} attempts` : "",
    record.agreed != null ? `${count(record.agreed)} votes agreed` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function Part({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <section>
      <header className="spread">
        <h3>{title}</h3>
        <Copy text={() => (typeof value === "string" ? value : JSON.stringify(value, null, 2))} />
      </header>
      <Value value={value} />
    </section>
  );
}

function Value({ value }: { value: unknown }): ReactNode {
  return typeof value === "string" ? <Text text={value} /> : <Json value={value} open={4} />;
}
