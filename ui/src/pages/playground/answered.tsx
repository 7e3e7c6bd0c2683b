/** The lower half of a column: what was answered, and what it took. */
import { useState } from "react";
import { Link } from "wouter";
import type { Column, Line } from "@/kit/board";
import { count, duration, money } from "@/kit/format";
import { type Answer, isOver } from "@/kit/streamed";
import { laidOut } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Text } from "@/parts/text";
import { Save } from "./save";
import "@/parts/badge.css";

interface Props {
  column: Column;
  answer: Answer | null;
  wrong: readonly string[];
  isBusy: boolean;
  given: Record<string, unknown>;
  turns: readonly Line[];
  onAsk: () => void;
  onStop: () => void;
  onSaved: (ref: string) => void;
}

export function Answered(props: Props) {
  const { column, answer, wrong, isBusy } = props;
  const [saving, setSaving] = useState(false);
  const isGoing = answer !== null && !isOver(answer);
  return (
    <section className="playground-answered" aria-label={`Answer of ${visible(column.id)}`}>
      <header className="playground-head">
        <h2>
          {visible(column.id)} <State answer={answer} />
        </h2>
        <span className="grow" />
        {answer?.text && <Copy text={answer.text} />}
        <Button onClick={() => setSaving(true)}>Save</Button>
        {isGoing ? (
          <Button onClick={props.onStop}>Stop</Button>
        ) : (
          <Button disabled={isBusy} onClick={props.onAsk}>
            Ask
          </Button>
        )}
      </header>
      {wrong.map((one) => (
        <p key={one} className="playground-wrong" role="alert">
          {visible(one)}
        </p>
      ))}
      {answer && <Figures answer={answer} />}
      {answer && <Said answer={answer} />}
      {saving && (
        <Save
          column={column}
          turns={props.turns}
          given={props.given}
          onSaved={props.onSaved}
          onClose={() => setSaving(false)}
        />
      )}
    </section>
  );
}

const STATES = {
  waiting: ["soft", "… waiting"],
  running: ["soft", "… answering"],
  finished: ["ok", "✓ answered"],
  failed: ["error", "✕ failed"],
  cancelled: ["warn", "⊘ stopped"],
} as const;

function State({ answer }: { answer: Answer | null }) {
  if (!answer) return <span className="soft">not asked yet</span>;
  const [tone, text] = STATES[answer.state];
  return <span className={`status ${tone}`}>{text}</span>;
}

function Said({ answer }: { answer: Answer }) {
  return (
    <div className="playground-said">
      {answer.reasoning && (
        <details open={!answer.text}>
          <summary className="soft">Reasoning</summary>
          <Text text={answer.reasoning} />
        </details>
      )}
      <Text text={answer.text} />
      {answer.refusal && (
        <div>
          <h3 className="status warn">Refused</h3>
          <Text text={answer.refusal} />
        </div>
      )}
      {answer.calls.map((call, index) => (
        <div key={index} className="playground-call">
          <h3>
            <span className="kind tool">calls</span> <bdi>{visible(call.name)}</bdi>
          </h3>
          <Text text={laidOut(call.arguments)} mono />
        </div>
      ))}
      {answer.problem && (
        <div className="playground-wrong" role="alert">
          {visible(answer.problem.detail)}
          {answer.problem.fix && (
            <span className="soft"> To do: {visible(answer.problem.fix)}</span>
          )}
        </div>
      )}
    </div>
  );
}

function Figures({ answer }: { answer: Answer }) {
  const { figures } = answer;
  const first = answer.first_token_ms ?? figures?.first_token_ms ?? null;
  const facts: [string, string][] = [["First token", duration(first)]];
  if (figures) {
    const { usage, tokens_per_s: rate } = figures;
    facts.push(["Took", duration(figures.latency_ms)]);
    if (rate !== null) facts.push(["Speed", `${count(Math.round(rate))} tok/s`]);
    if (usage) facts.push(["Tokens", `${count(usage.input)} in, ${count(usage.output)} out`]);
    facts.push(["Cost", figures.cached ? "from the cache" : money(figures.cost_usd)]);
    if (figures.finish_reason && figures.finish_reason !== "stop")
      facts.push(["Ended by", visible(figures.finish_reason)]);
  }
  return (
    <dl className="playground-figures">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="soft">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {figures?.span_id && (
        <div>
          <dt className="unseen">Record</dt>
          <dd>
            <Link href={`/traces/${figures.trace_id}`}>trace</Link>
          </dd>
        </div>
      )}
    </dl>
  );
}
