/** What a gate said, how a run stands, and a number with its interval. */
import { count } from "@/kit/format";
import { between, type Figure, said, type Unit } from "@/kit/measure";
import { Badge, type Tone } from "@/parts/badge";
import { Interval } from "@/parts/interval";
import "./outcome.css";

const OUTCOMES: Record<string, [string, Tone]> = {
  pass: ["✓ pass", "ok"],
  fail: ["✕ fail", "error"],
  inconclusive: ["? inconclusive", "warn"],
};

export function Outcome({ outcome }: { outcome: string | null | undefined }) {
  const [text, tone] = OUTCOMES[outcome ?? ""] ?? [null, "soft"];
  return text ? <Badge tone={tone}>{text}</Badge> : <span className="soft">–</span>;
}

const STATES: Record<string, Tone> = {
  running: "accent",
  done: "ok",
  failed: "error",
  interrupted: "warn",
};

export function RunState(props: { status: string; done: number; total: number }) {
  if (props.status !== "running")
    return <Badge tone={STATES[props.status] ?? "soft"}>{props.status}</Badge>;
  // who runs it elsewhere may say only at the end how far it came
  const known = props.done > 0;
  const label = known ? `${count(props.done)} of ${count(props.total)}` : "running";
  return (
    <span className="outcome-running" title={`${label}, ${count(props.total)} in all`}>
      <progress
        max={props.total || 1}
        {...(known ? { value: props.done } : {})}
        aria-label={label}
      />
      <span>{label}</span>
    </span>
  );
}

/** A number, its interval drawn and in words, and the cases it rests on. */
export function Measured(props: { figure: Figure; unit: Unit; from: number; to: number }) {
  const { figure, unit } = props;
  const words = between(figure, unit);
  return (
    <span className="outcome-measured">
      <strong>{said(figure.value, unit)}</strong>
      {figure.value !== null && figure.low !== null && figure.high !== null ? (
        <Interval
          value={figure.value}
          low={figure.low}
          high={figure.high}
          from={props.from}
          to={props.to}
          label={words}
        />
      ) : (
        <span className="soft">no interval</span>
      )}
      <span className="soft">{words}</span>
    </span>
  );
}
