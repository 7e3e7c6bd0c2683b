import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { count, duration, money } from "@/kit/format";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Part, Said } from "@/parts/case";
import { Json } from "@/parts/json";
import { Judged } from "@/parts/judged";
import { Text } from "@/parts/text";
import { Words } from "@/parts/words";
import type { Result } from "./answers";
import type { Run } from "./list";

/** One answer with what was asked, what was expected, and why it was judged so. */
export function Answer(props: {
  run: Run;
  result: Result;
  example: Schemas["Example"] | undefined;
  onClose: () => void;
}) {
  const { result, example } = props;
  const expected = example?.expected;
  return (
    <section className="case" aria-label="Answer">
      <header className="spread">
        <h2 className="mono cut">{visible(result.example_id)}</h2>
        <span className="row">
          {result.trace_id && <Link href={`/traces/${result.trace_id}`}>Open the trace</Link>}
          <Button kind="quiet" aria-label="Close the answer" onClick={props.onClose}>
            ✕
          </Button>
        </span>
      </header>
      <p className="soft">{figures(result)}</p>
      <Scores scores={result.scores ?? []} />
      {example && (
        <Part title="Input">
          <Said value={example.input} />
        </Part>
      )}
      {expected !== null && expected !== undefined && (
        <Part title="Expected, and what the answer has of it">
          {result.error ? (
            <Said value={expected} />
          ) : (
            <Words old={said(expected)} now={said(result.output)} />
          )}
        </Part>
      )}
      <Part title={result.error ? "Error" : "Answer"}>
        {result.error ? <Text text={result.error} /> : <Said value={result.output} />}
      </Part>
      {(result.tool_calls ?? []).length > 0 && (
        <Part title="Tools it called">
          <Json value={result.tool_calls} />
        </Part>
      )}
      {(result.context ?? []).map((passage, index) => (
        <Part key={index} title={`Passage ${index + 1}`}>
          <Text text={passage} />
        </Part>
      ))}
    </section>
  );
}

function figures(result: Result): string {
  const usage = result.usage;
  return [
    result.model ? visible(result.model) : "",
    result.latency_ms === undefined ? "" : duration(result.latency_ms),
    usage ? `${count((usage.input ?? 0) + (usage.output ?? 0))} tokens` : "",
    result.cost_usd ? money(result.cost_usd) : "",
    result.cached ? "replayed" : "",
    result.repeat ? `repeat ${result.repeat + 1}` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

function Scores({ scores }: { scores: readonly Schemas["Score"][] }) {
  if (scores.length === 0) return null;
  return (
    <dl className="case-scores">
      {scores.map((score) => (
        <div key={score.score_id}>
          <dt>{visible(score.name)}</dt>
          <dd>
            <Judged score={score} />
            {score.reason && (
              <span className="soft"> · {visible(score.reason).slice(0, 2_000)}</span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
