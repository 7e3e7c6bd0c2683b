import "./interval.css";

/** An estimate with its interval on a line; zero, or another mark, where the scale has it.
 *
 * `low`, `high`, `value` are in the unit of `from` and `to`, the ends of the line.
 */
export function Interval(props: {
  value: number;
  low: number;
  high: number;
  from: number;
  to: number;
  mark?: number;
  label: string;
  tone?: "ok" | "error" | "soft";
  width?: number;
}) {
  const width = props.width ?? 120;
  const span = props.to - props.from || 1;
  const x = (value: number) =>
    4 + ((Math.min(Math.max(value, props.from), props.to) - props.from) / span) * (width - 8);
  return (
    <svg
      className={`interval ${props.tone ?? "soft"}`}
      width={width}
      height="16"
      role="img"
      aria-label={props.label}
    >
      <title>{props.label}</title>
      {props.mark !== undefined && (
        <line className="mark" x1={x(props.mark)} x2={x(props.mark)} y1="1" y2="15" />
      )}
      <line x1={x(props.low)} x2={x(props.high)} y1="8" y2="8" />
      <line x1={x(props.low)} x2={x(props.low)} y1="5" y2="11" />
      <line x1={x(props.high)} x2={x(props.high)} y1="5" y2="11" />
      <circle cx={x(props.value)} cy="8" r="3.5" />
    </svg>
  );
}

/** A row of numbers as a line as high as a row of text. */
export function Spark(props: { values: readonly number[]; label: string; width?: number }) {
  const width = props.width ?? 96;
  const top = Math.max(...props.values, 1e-12);
  const step = width / Math.max(props.values.length - 1, 1);
  const points = props.values.map((value, i) => `${i * step},${17 - (16 * value) / top}`).join(" ");
  return (
    <svg className="interval accent" width={width} height="18" role="img" aria-label={props.label}>
      <title>{props.label}</title>
      <polyline points={points} fill="none" />
    </svg>
  );
}
