/** How much was recorded over time, by status, of what a filter finds. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, LIVE } from "@/kit/filters";
import { count } from "@/kit/format";
import * as ranges from "@/kit/ranges";
import { Bars, type Layer } from "@/parts/bars";

export interface Volume {
  ends: ranges.Ends;
  /** Where records are at all, where that may be more than what is shown. */
  of?: ranges.Ends | undefined;
  starts: number[];
  step: number;
  points: Schemas["StepCount"][];
}

const LAYERS: [string, Layer["tone"], (status: string | null) => boolean][] = [
  ["ok", "accent", (status) => status === "ok" || status === "unset" || status === null],
  ["cancelled", "warn", (status) => status === "cancelled"],
  ["error", "error", (status) => status === "error"],
];

/** What the server keeps sums of by the hour: it need not look at every span to say when there are any. */
export const LIVE_ROOTS = both("root:true", LIVE);

/** Sums by step and status; null is nothing. A range that is open is fitted to what there is in the
 * shortest of some usual periods, or to all of the last year when the `whole` is asked for. */
export function useVolume(
  filter: string,
  range: ranges.Range,
  options: { every?: number; on?: boolean; whole?: boolean } = {},
) {
  return useAnswer<Volume | null>(
    ["metrics", "volume", filter, range.since, range.until, options.whole ?? false],
    (signal) => volume(filter, range, options.whole ?? false, signal),
    options,
  );
}

async function volume(
  filter: string,
  range: ranges.Range,
  isWhole: boolean,
  signal: AbortSignal,
): Promise<Volume | null> {
  const now = Date.now() / 1_000;
  const said = ranges.ends(range, now);
  if (said) {
    const all = await summed(filter, said, signal);
    return { ...all, starts: ranges.starts(said, all.step) };
  }
  const until =
    (range.until && ranges.ends({ since: "1678-01-01", until: range.until }, now)?.to) || now;
  const hours = await busy(filter, range.until, signal);
  const of = ranges.extent(hours, until);
  const ends = isWhole ? of : ranges.fitted(hours, until);
  if (!of || !ends) return null;
  const first = await summed(filter, ends, signal);
  const near = nearer(first);
  if (near.to - near.from < (ends.to - ends.from) / 3)
    return { ...(await summed(filter, near, signal)), of };
  return { ...first, of, ends: near, starts: ranges.starts(near, first.step) };
}

async function summed(filter: string, ends: ranges.Ends, signal: AbortSignal): Promise<Volume> {
  const step = ranges.stepOf(ends);
  const asked = both(filter || "root:true", ranges.condition(ranges.fixed(ends)));
  const query = { step: `${step}s`, by: "status", filter: asked };
  const { data } = await api.get("/api/v1/metrics/counts", { query, signal });
  return { ends, step, starts: ranges.starts(ends, step), points: data };
}

/** The hours of the last year that have records, in seconds since 1970, ascending. */
async function busy(filter: string, until: string, signal: AbortSignal): Promise<number[]> {
  if (!filter || filter === LIVE_ROOTS) {
    const query = { hours: 24 * 366, ...(until && { until }) };
    const { hours } = await api.get("/api/v1/metrics/overview", { query, signal });
    return hours.filter((hour) => hour.traces > 0).map((hour) => hour.start_ns / 1e9);
  }
  const asked = both(filter, ranges.condition({ since: "366d", until }));
  const query = { step: "1h", filter: asked };
  const { data } = await api.get("/api/v1/metrics/counts", { query, signal });
  return data.map((point) => point.start_ns / 1e9);
}

/** From the first to the last step that has records. */
function nearer({ points, step, ends }: Volume): ranges.Ends {
  const times = points.map((point) => point.start_ns / 1e9);
  if (times.length === 0) return ends;
  return { from: Math.min(...times), to: Math.max(...times) + step };
}

/** The values of a figure at each step; null where nothing was recorded. */
export function atSteps<T>(
  volume: Volume,
  points: readonly Schemas["Point"][],
  value: (point: Schemas["Point"]) => T,
): (T | null)[] {
  const known = new Map(points.map((point) => [Math.round(point.start_ns / 1e9), value(point)]));
  return volume.starts.map((start) => known.get(start) ?? null);
}

export function VolumeBars(props: {
  volume: Volume;
  label: string;
  height?: number;
  onPick: (range: ranges.Range) => void;
  onRange: (range: ranges.Range) => void;
}) {
  const { volume } = props;
  const part = volume.of ? ranges.part(volume.ends, volume.of) : "";
  const layers = LAYERS.map(([name, tone, isIn]) => {
    const points = volume.points.filter((point) => isIn(point.key));
    const sums = new Map<number, number>();
    for (const { start_ns, spans } of points) {
      const at = Math.round(start_ns / 1e9);
      sums.set(at, (sums.get(at) ?? 0) + spans);
    }
    return { name, tone, values: volume.starts.map((start) => sums.get(start) ?? 0) };
  });
  const of = (from: number, to: number) => ranges.fixed({ from, to });
  return (
    <Bars
      label={[props.label, part].filter(Boolean).join(", ")}
      starts={volume.starts}
      step={volume.step}
      layers={layers.filter((layer) => layer.name === "ok" || layer.values.some((one) => one > 0))}
      text={count}
      {...(props.height ? { height: props.height } : {})}
      onPick={(from, to) => props.onPick(of(from, to))}
      onRange={(from, to) => props.onRange(of(from, to))}
    />
  );
}
