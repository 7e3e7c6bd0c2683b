import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, LIVE, tracesOf } from "@/kit/filters";
import { count, digits, duration, money, percent } from "@/kit/format";
import { condition, type Ends, fixed, type Range } from "@/kit/ranges";
import { Begin } from "@/parts/begin";
import { Failure } from "@/parts/failure";
import { type Figure, Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { Scores } from "@/parts/scores";
import { TimeRange, useRange } from "@/parts/time-range";
import { LIVE_ROOTS, useVolume, type Volume, VolumeBars } from "@/parts/volume";
import { Costs, chartPx, Latency, Tokens } from "./charts";
import { Tile } from "./tile";
import { Top } from "./top";
import "./overview.css";

const EVERY_MS = 15_000;
const NONE: readonly Schemas["Point"][] = [];

export default function Overview() {
  const [range, setRange] = useRange();
  const volume = useVolume(LIVE_ROOTS, range, { every: EVERY_MS });
  const ends = volume.data?.ends;
  return (
    <Frame
      title="Overview"
      note="calls of applications; runs of experiments and probes are left out"
      actions={
        <TimeRange range={range} shown={ends ?? null} any="Where calls are" onChange={setRange} />
      }
    >
      {volume.error && <Failure error={volume.error} again={() => void volume.refetch()} />}
      {volume.isSuccess && !volume.data && <Begin title="No call yet" />}
      {volume.data && <Drawn volume={volume.data} onRange={setRange} />}
    </Frame>
  );
}

function Drawn({ volume, onRange }: { volume: Volume; onRange: (range: Range) => void }) {
  const [, go] = useLocation();
  const period = fixed(volume.ends);
  const asked = both(LIVE, condition(period));
  const series = useAnswer(["metrics", "series", asked, volume.step], (signal) =>
    api.get("/api/v1/metrics/series", {
      query: { step: `${volume.step}s`, filter: asked },
      signal,
    }),
  );
  const chart = { volume, points: series.data?.data ?? NONE, period, onRange };
  return (
    <>
      <Sums ends={volume.ends} period={period} />
      {series.error && <Failure error={series.error} again={() => void series.refetch()} />}
      <div className="overview">
        <Tile title="Traces by status" href={tracesOf(LIVE, { ...period })}>
          <VolumeBars
            volume={volume}
            label="Traces"
            height={chartPx()}
            onPick={(one) => go(tracesOf(LIVE, { ...one }))}
            onRange={onRange}
          />
        </Tile>
        <Latency {...chart} />
        <Costs {...chart} />
        <Tokens {...chart} />
      </div>
      {/* Over many calls these take the server longest, so they are asked for last. */}
      {(series.data || series.error) && <Lists asked={asked} period={period} />}
    </>
  );
}

function Lists({ asked, period }: { asked: string; period: Range }) {
  return (
    <div className="overview lists">
      <Tile title="Scores" href={tracesOf(LIVE, { ...period })}>
        <Scores filter={LIVE} asked={asked} range={period} />
      </Tile>
      <div className="overview-stack">
        <Top title="Models" by="model" asked={asked} period={period} />
        <Top title="Routes" by="route" asked={asked} period={period} />
      </div>
      <Top title="Users" by="user" asked={asked} period={period} href="/users" />
    </div>
  );
}

function Sums({ ends, period }: { ends: Ends; period: Range }) {
  const { data, error, refetch } = useAnswer(
    ["metrics", "overview", ends.from, ends.to],
    (signal) => api.get("/api/v1/metrics/overview", { query: { ...period }, signal }),
  );
  if (error) return <Failure error={error} again={() => void refetch()} />;
  return <Figures label="Figures of the period" figures={figures(data, period)} />;
}

function figures(data: Schemas["Overview"] | undefined, period: Range): Figure[] {
  const to = (filter: string) => tracesOf(both(LIVE, filter), { ...period });
  const share = data?.calls ? percent(data.errors / data.calls) : undefined;
  const slower = (ms: number | null | undefined) =>
    ms ? { href: to(`kind:llm duration_ms>=${digits(ms).replaceAll(",", "")}`) } : {};
  return [
    { name: "Traces", value: count(data?.traces), href: to("") },
    { name: "Model calls", value: count(data?.calls), href: to("kind:llm") },
    {
      name: "Calls that failed",
      value: count(data?.errors),
      note: share,
      href: to("kind:llm status:error"),
      tone: data?.errors ? "error" : undefined,
    },
    { name: "Latency p50", value: duration(data?.latency_p50_ms), ...slower(data?.latency_p50_ms) },
    { name: "Latency p95", value: duration(data?.latency_p95_ms), ...slower(data?.latency_p95_ms) },
    { name: "Latency p99", value: duration(data?.latency_p99_ms), ...slower(data?.latency_p99_ms) },
    {
      name: "Cost",
      value: money(data?.cost_usd),
      note: data?.unpriced ? `${count(data.unpriced)} unpriced` : undefined,
      href: to("cost_usd>0"),
    },
    {
      name: "Tokens",
      value: count(data && data.input_tokens + data.output_tokens),
      note: data && `${count(data.input_tokens)} in, ${count(data.output_tokens)} out`,
      href: to("tokens>0"),
    },
  ];
}
