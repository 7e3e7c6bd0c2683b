/** One turn of a conversation: a trace, as what was asked and what was answered. */
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { answered, asked } from "@/kit/exchange";
import { both, term } from "@/kit/filters";
import { count, digits, duration, money } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Badge, Status } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Text } from "@/parts/text";
import { When } from "@/parts/when";

type Row = Schemas["TraceSummary"];

/** A list has the beginning of what was said; what is longer is asked for when it is in sight. */
const PREVIEW_CHARS = 200;
const MOST_LINES = 16;

export function Turn({ row }: { row: Row }) {
  const ref = useRef<HTMLElement>(null);
  const seen = useSeen(ref);
  const whole = useWhole(row, seen);
  const scores = useAnswer(
    ["scores", row.trace_id],
    (signal) => api.get("/api/v1/scores", { query: { trace_id: row.trace_id }, signal }),
    { on: seen },
  );
  return (
    <article
      ref={ref}
      className="sessions-turn"
      tabIndex={-1}
      data-trace={row.trace_id}
      aria-label={`Turn: ${visible(row.input_preview).slice(0, 80)}`}
    >
      <div className="sessions-said">
        <Said text={whole ? asked(whole.input) : row.input_preview} />
      </div>
      <div className="sessions-answer">
        {row.error && (
          <p className="sessions-error">
            ✕ <bdi>{visible(row.error)}</bdi>
          </p>
        )}
        <Said text={whole ? answered(whole.output) : row.output_preview} />
      </div>
      <footer className="sessions-figures soft">
        <Status status={row.status} short />
        <When ns={row.start_ns} />
        <span>{duration(row.duration_ms)}</span>
        <span>{count(row.input_tokens + row.output_tokens)} tokens</span>
        <span title={row.unpriced ? `${row.unpriced} calls are not priced` : undefined}>
          {money(row.cost_usd)}
        </span>
        {row.model && (
          <bdi className="sessions-model cut" title={visible(row.model)}>
            {visible(row.model)}
          </bdi>
        )}
        {scores.data?.data.map((score) => (
          <Judged key={score.score_id} score={score} />
        ))}
        <Link href={`/traces/${row.trace_id}`}>Trace</Link>
      </footer>
    </article>
  );
}

/** What was said; of many lines the first, and the rest on demand. */
function Said({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const lines = text.split("\n");
  if (all || lines.length <= MOST_LINES + 2) return <Text text={text} />;
  return (
    <>
      <Text text={lines.slice(0, MOST_LINES).join("\n")} />
      <Button onClick={() => setAll(true)}>Show all {count(lines.length)} lines</Button>
    </>
  );
}

function Judged({ score }: { score: Schemas["Score"] }) {
  const tone = score.passed === null ? "soft" : score.passed ? "ok" : "error";
  return (
    <Badge tone={tone}>
      <bdi title={visible(score.reason ?? "")}>
        {visible(score.name).slice(0, 60)} {judgement(score)}
      </bdi>
    </Badge>
  );
}

function judgement(score: Schemas["Score"]): string {
  if (score.status !== "scored") return score.status;
  if (score.passed !== null) return score.passed ? "✓" : "✕";
  if (score.label) return visible(score.label).slice(0, 60);
  return score.value === null ? "" : digits(score.value);
}

function useWhole(row: Row, seen: boolean): Schemas["Span"] | undefined {
  const isCut =
    row.input_preview.length >= PREVIEW_CHARS || row.output_preview.length >= PREVIEW_CHARS;
  const filter = both(term("trace_id", row.trace_id), "root:true");
  const { data } = useAnswer(
    ["spans", filter],
    (signal) => api.get("/api/v1/spans", { query: { filter, limit: 1 }, signal }),
    { on: seen && isCut },
  );
  return data?.data[0];
}

/** Whether something has come near the part of the page that is in sight. */
function useSeen(ref: React.RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!ref.current || seen) return;
    const watch = new IntersectionObserver(
      (found) => found.some((one) => one.isIntersecting) && setSeen(true),
      { rootMargin: "400px" },
    );
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, [ref, seen]);
  return seen;
}
