/** Numbers of runs as people read them: which unit a metric has, and how a difference is said. */
import { digits, duration, money, signed } from "./format";

export type Unit = "share" | "ms" | "usd" | "number";

/** A number with its interval, and how many cases it rests on. */
export interface Figure {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  total: number;
  method?: string;
}

/** The unit of a metric: shares are rates, and whatever lies between 0 and 1 with more as better. */
export function unitOf(
  metric: string,
  figures: readonly Figure[],
  { higher = true }: { higher?: boolean } = {},
): Unit {
  if (metric === "latency") return "ms";
  if (metric === "cost") return "usd";
  const known = figures.filter((one) => one.value !== null);
  if (known.some((one) => one.method?.startsWith("Wilson"))) return "share";
  const within = known.every((one) => (one.value as number) >= 0 && (one.value as number) <= 1);
  return higher && within && known.length > 0 ? "share" : "number";
}

/** `0.5126` as a share is "51.3 %". Nothing is "–". */
export function said(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "–";
  if (unit === "ms") return duration(value);
  if (unit === "usd") return money(value);
  return unit === "share" ? `${(100 * value).toFixed(1)} %` : digits(value);
}

/** A difference with its sign; that of shares is in points. */
export function change(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return `${signed(value, (size) => (100 * size).toFixed(1))} points`;
  return signed(value, (size) => said(size, unit));
}

/** The ends of an interval: "42.3 to 60.2 %", or "" where there is none. */
export function between(figure: Figure, unit: Unit): string {
  const { low, high } = figure;
  if (low === null || high === null) return "";
  if (unit === "share") return `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`;
  return `${said(low, unit)} to ${said(high, unit)}`;
}

/** The same of a difference: "−2.1 to +11.9 points". */
export function changeBetween(figure: Figure, unit: Unit): string {
  const { low, high } = figure;
  if (low === null || high === null) return "";
  if (unit !== "share") return `${change(low, unit)} to ${change(high, unit)}`;
  const points = (value: number) => signed(value, (size) => (100 * size).toFixed(1));
  return `${points(low)} to ${points(high)} points`;
}

/** The share of the cases that could be scored. */
export function coverage(figure: Figure): number | null {
  return figure.total > 0 ? figure.n / figure.total : null;
}

/** The ends of a line on which differences of one unit can be told apart, with zero in its middle. */
export function around(figures: readonly Figure[]): number {
  const ends = figures.flatMap((one) => [one.low, one.high, one.value]);
  return Math.max(...ends.map((end) => Math.abs(end ?? 0)), 1e-9);
}

/** Where a difference stands: proved better or worse by its interval, or neither. */
export function way(figure: Figure, higher: boolean): "better" | "worse" | "open" {
  if (figure.low === null || figure.high === null) return "open";
  if (figure.low > 0) return higher ? "better" : "worse";
  if (figure.high < 0) return higher ? "worse" : "better";
  return "open";
}
