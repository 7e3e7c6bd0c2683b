/** What calls took, cost and used over time. */
import { useCallback, useMemo } from "react";
import { useLocation } from "wouter";
import type { Schemas } from "@/api/client";
import { both, LIVE, tracesOf } from "@/kit/filters";
import { count, duration, money } from "@/kit/format";
import { fixed, type Range } from "@/kit/ranges";
import { Bars } from "@/parts/bars";
import { Chart, type Line } from "@/parts/chart";
import { atSteps, type Volume } from "@/parts/volume";
import { Tile } from "./tile";

interface Props {
  volume: Volume;
  points: readonly Schemas["Point"][];
  period: Range;
  onRange: (range: Range) => void;
}

/** What bars say of themselves stands in the line of the title; a line chart begins below it. */
const TITLE_PX = 20;

/** Charts are as high as the window has room for. */
export const chartPx = () => Math.round(Math.min(Math.max(0.28 * innerHeight, 132), 320));

const RANKS = [
  { label: "p99", colour: "--text", of: "latency_p99_ms" },
  { label: "p95", colour: "--accent", of: "latency_p95_ms" },
  { label: "p50", colour: "--line-strong", of: "latency_p50_ms" },
] as const;

export function Latency(props: Props) {
  const [, go] = useLocation();
  const { volume, points, onRange } = props;
  const lines = useMemo(
    (): Line[] =>
      RANKS.map(({ label, colour, of }) => ({
        label,
        colour,
        values: atSteps(volume, points, (point) => point[of]),
      })),
    [volume, points],
  );
  const pick = useCallback(
    (index: number) => {
      const from = volume.starts[index] ?? 0;
      go(tracesOf(both(LIVE, "kind:llm"), { ...fixed({ from, to: from + volume.step }) }));
    },
    [volume, go],
  );
  const draw = useCallback((from: number, to: number) => onRange(fixed({ from, to })), [onRange]);
  const legend = (
    <span className="overview-legend">
      {RANKS.map(({ label, colour }) => (
        <span key={label}>
          <i style={{ background: `var(${colour})` }} /> {label}
        </span>
      ))}
    </span>
  );
  const to = tracesOf(both(LIVE, "kind:llm"), { ...props.period });
  return (
    <Tile title="Latency" href={to} note={legend}>
      <Chart
        label="Latency of model calls"
        times={volume.starts}
        lines={lines}
        text={duration}
        height={chartPx() - TITLE_PX}
        onPick={pick}
        onRange={draw}
      />
    </Tile>
  );
}

export function Costs(props: Props) {
  const cost = (point: Schemas["Point"]) => Number(point.cost_usd ?? 0);
  const values = atSteps(props.volume, props.points, cost).map((one) => one ?? 0);
  const layers = [{ name: "", tone: "accent" as const, values }];
  return <Summed {...props} title="Cost" filter="cost_usd>0" layers={layers} text={money} />;
}

export function Tokens(props: Props) {
  const of = (value: (point: Schemas["Point"]) => number) =>
    atSteps(props.volume, props.points, value).map((one) => one ?? 0);
  const layers = [
    { name: "out", tone: "accent" as const, values: of((point) => point.output_tokens) },
    { name: "in", tone: "soft" as const, values: of((point) => point.input_tokens) },
  ];
  return <Summed {...props} title="Tokens" filter="tokens>0" layers={layers} text={count} />;
}

function Summed(
  props: Props & {
    title: string;
    filter: string;
    layers: React.ComponentProps<typeof Bars>["layers"];
    text: (value: number) => string;
  },
) {
  const [, go] = useLocation();
  const filter = both(LIVE, props.filter);
  return (
    <Tile title={props.title} href={tracesOf(filter, { ...props.period })}>
      <Bars
        label={props.title}
        starts={props.volume.starts}
        step={props.volume.step}
        layers={props.layers}
        text={props.text}
        height={chartPx()}
        onPick={(from, to) => go(tracesOf(filter, { ...fixed({ from, to }) }))}
        onRange={(from, to) => props.onRange(fixed({ from, to }))}
      />
    </Tile>
  );
}
