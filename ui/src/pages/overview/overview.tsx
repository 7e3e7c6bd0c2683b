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
import { LIVE_ROOTS, useVolume, VolumeBars } from "@/parts/volume";
import { Costs, chartPx, Latency, Tokens } from "./charts";
import { Tile } from "./tile";
import { Top } from "./top";
import "./overview.css";

const EVERY_MS = 15_000;

export default function Overview() {
  const [, go] = useLocation();
  const [range, setRange] = useRange();
  const volume = useVolume(LIVE_ROOTS, range, { every: EVERY_MS });
  const ends = volume.data?.ends;
  const period = ends ? fixed(ends) : range;
  const asked = both(LIVE, condition(period));
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
      {volume.data && (
        <>
          <Sums ends={volume.data.ends} period={period} />
          <div className="overview">
            <Tile title="Traces by status" href={tracesOf(LIVE, { ...period })}>
              <VolumeBars
                volume={volume.data}
                label="Traces"
                height={chartPx()}
                onPick={(one) => go(tracesOf(LIVE, { ...one }))}
                onRange={setRange}
              />
            </Tile>
            <Latency volume={volume.data} period={period} onRange={setRange} />
            <Costs volume={volume.data} period={period} onRange={setRange} />
            <Tokens volume={volume.data} period={period} onRange={setRange} />
          </div>
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
        </>
      )}
    </Frame>
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
