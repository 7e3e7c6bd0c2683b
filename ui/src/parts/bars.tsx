/** Counts over time as stacked bars. A bar leads to its records; drawing over some narrows to them.
 *
 * Keys: the arrows go from bar to bar, with Shift they take more of them, Enter opens.
 */
import { useRef, useState } from "react";
import { isOneDay, label as moment, words } from "@/kit/ranges";
import "./bars.css";

export interface Layer {
  name: string;
  tone: "accent" | "error" | "warn" | "soft";
  values: readonly number[];
}

interface Props {
  label: string;
  /** When each step starts, in seconds since 1970, and how long it is. */
  starts: readonly number[];
  step: number;
  layers: readonly Layer[];
  text: (value: number) => string;
  height?: number;
  onPick: (from: number, to: number) => void;
  onRange: (from: number, to: number) => void;
}

export function Bars(props: Props) {
  const { starts, step, layers } = props;
  const place = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [from, setFrom] = useState<number | null>(null);
  const totals = starts.map((_, i) => layers.reduce((sum, one) => sum + (one.values[i] ?? 0), 0));
  const top = Math.max(...totals) || 1;
  const here = at === null ? null : Math.min(at, starts.length - 1);
  const chosen: [number, number] | null =
    from === null || here === null ? null : [Math.min(from, here), Math.max(from, here)];
  const open = (first: number, last: number, act: Props["onPick"]) =>
    act(starts[first] ?? 0, (starts[last] ?? 0) + step);
  const indexOf = (event: React.PointerEvent) => {
    const box = place.current?.getBoundingClientRect();
    const share = box ? (event.clientX - box.left) / box.width : 0;
    return Math.max(0, Math.min(starts.length - 1, Math.floor(share * starts.length)));
  };
  const finish = () => {
    setFrom(null);
    if (chosen && chosen[1] > chosen[0]) open(...chosen, props.onRange);
    else if (here !== null) open(here, here, props.onPick);
  };
  const onKey = (event: React.KeyboardEvent) => {
    const now = here ?? starts.length - 1;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: starts.length - 1 }[
      event.key
    ];
    if (event.key === "Enter") finish();
    else if (event.key === "Escape" && from !== null) setFrom(null);
    else if (to !== undefined) {
      setFrom(event.shiftKey ? (from ?? now) : null);
      setAt(Math.max(0, Math.min(to, starts.length - 1)));
    } else return;
    event.preventDefault();
  };
  const said = told(props, totals, here, chosen);
  const length = starts.length * step;
  const inOneDay = isOneDay(periodOf(props));
  return (
    <figure className="bars" style={{ height: props.height ?? 64 }}>
      <figcaption className="spread">
        <span className="soft">{props.label}</span>
        <span className="cut">{said}</span>
      </figcaption>
      <div
        ref={place}
        className="bars-plot"
        role="slider"
        tabIndex={0}
        aria-label={props.label}
        aria-valuemin={1}
        aria-valuemax={starts.length}
        aria-valuenow={(here ?? starts.length - 1) + 1}
        aria-valuetext={said}
        onKeyDown={onKey}
        onFocus={() => setAt(here ?? starts.length - 1)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setAt(indexOf(event));
          setFrom(indexOf(event));
        }}
        onPointerMove={(event) => setAt(indexOf(event))}
        onPointerUp={finish}
        onPointerCancel={() => setFrom(null)}
        onPointerLeave={() => from === null && setAt(null)}
      >
        <svg viewBox={`0 0 ${starts.length} 100`} preserveAspectRatio="none" aria-hidden="true">
          {chosen && (
            <rect className="chosen" x={chosen[0]} width={chosen[1] - chosen[0] + 1} height="100" />
          )}
          {here !== null && !chosen && <rect className="here" x={here} width="1" height="100" />}
          {layers.map((layer, index) => (
            <path key={layer.name} className={layer.tone} d={drawn(layers, index, top)} />
          ))}
        </svg>
      </div>
      <div className="bars-axis spread soft" aria-hidden="true">
        {[0, 0.5, 1].map((share) => (
          <span key={share}>{moment((starts[0] ?? 0) + share * length, length, inOneDay)}</span>
        ))}
      </div>
    </figure>
  );
}

function periodOf({ starts, step }: Props) {
  const from = starts[0] ?? 0;
  return { from, to: from + starts.length * step };
}

/** What is under the pointer, or else all of it. */
function told(
  props: Props,
  totals: readonly number[],
  here: number | null,
  chosen: [number, number] | null,
) {
  const [first, last] = chosen ?? (here === null ? [0, totals.length - 1] : [here, here]);
  const sum = (values: readonly number[]) =>
    values.slice(first, last + 1).reduce((a, b) => a + b, 0);
  const parts = props.layers
    .map((layer) => [layer.name, sum(layer.values)] as const)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${props.text(value)} ${name}`);
  const text = parts.join(", ") || "none";
  if (here === null) return text;
  const from = props.starts[first] ?? 0;
  const to = (props.starts[last] ?? from) + props.step;
  const period = words({ from, to }, isOneDay(periodOf(props)));
  return `${period}: ${text}`;
}

/** The bars of a layer, on those below it, as one path in steps of 1 and percent of the top. */
function drawn(layers: readonly Layer[], index: number, top: number): string {
  const below = layers.slice(0, index);
  return (layers[index]?.values ?? [])
    .map((value, at) => {
      if (value <= 0) return "";
      const base = below.reduce((sum, layer) => sum + (layer.values[at] ?? 0), 0);
      // what is there is seen, however small it is beside the others
      const height = Math.max((100 * value) / top, 2.5);
      const foot = Math.min(100 - (100 * base) / top, 100);
      return `M${at + 0.08} ${foot}v${-height}h0.84v${height}z`;
    })
    .join("");
}
