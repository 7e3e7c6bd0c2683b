/** Tokens of a span by what they were, and what each of them cost. */
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, digits, money } from "@/kit/format";
import { Badge } from "@/parts/badge";
import { type Cell, Rows } from "@/parts/pane";
import type { Span } from "./data";
import { bucketName } from "./facts";
import { Section } from "./section";

interface Part {
  bucket: string;
  tokens: number;
  cost_usd: string | null;
}

const COLUMNS: readonly Cell<Part>[] = [
  { name: "Tokens", width: "40%", cell: (part) => named(part.bucket) },
  { name: "Count", number: true, cell: (part) => count(part.tokens) },
  { name: "Cost", number: true, cell: (part) => cost(part) },
];

const named = (bucket: string) => (bucket === "all" ? <strong>all</strong> : bucketName(bucket));

/** The whole says that it is not priced; a part of it shows that there is nothing. */
function cost({ bucket, cost_usd }: Part): string {
  return cost_usd === null && bucket === "all" ? "not priced" : money(cost_usd);
}

export function Figures({ trace_id, span }: { trace_id: string; span: Span }) {
  const span_id = span.span_id;
  const { data } = useAnswer(
    ["spans", "cost", trace_id, span_id],
    (signal) =>
      api.get("/api/v1/traces/{trace_id}/spans/{span_id}/cost", {
        path: { trace_id, span_id },
        signal,
      }),
    { on: span.usage !== null },
  );
  if (!span.usage || !data) return null;
  const all = data.parts.reduce((sum, part) => sum + part.tokens, 0);
  const seconds = (span.end_ns - (span.first_token_ns ?? span.start_ns)) / 1e9;
  const out = span.usage.output + span.usage.reasoning + span.usage.audio_output;
  return (
    <Section
      title="Tokens and cost"
      open
      note={
        <>
          {data.estimated && <Badge tone="warn">estimated</Badge>}
          {data.source === "given" && <Badge>cost came with the call</Badge>}
        </>
      }
    >
      <Rows
        label="Tokens by what they were"
        columns={COLUMNS}
        rows={[...data.parts, { bucket: "all", tokens: all, cost_usd: data.cost_usd }]}
        rowKey={(part) => part.bucket}
        empty=""
      />
      {out > 0 && seconds > 0 && (
        <p className="soft">{digits(out / seconds)} tokens/s of the answer</p>
      )}
    </Section>
  );
}
