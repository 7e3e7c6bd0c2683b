/** Periods of time: as they stand in an address, as seconds, as steps of a chart, and in words. */

/** Ends as the filter language writes them: "24h", "2026-11-22T09:10:00Z", or "" for none. */
export interface Range {
  since: string;
  until: string;
}

/** Seconds since 1970. */
export interface Ends {
  from: number;
  to: number;
}

export const ANY: Range = { since: "", until: "" };
export const PRESETS: readonly [string, string][] = [
  ["15m", "Last 15 min"],
  ["1h", "Last hour"],
  ["6h", "Last 6 hours"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
];

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
  172_800, 604_800,
];

/** The ends of a range; null where one is open or is no time. */
export function ends(range: Range, now_s: number): Ends | null {
  const from = seconds(range.since, now_s);
  const to = range.until ? seconds(range.until, now_s) : now_s;
  return from === null || to === null || to <= from ? null : { from, to };
}

function seconds(text: string, now_s: number): number | null {
  const [, size, unit] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  if (size && unit) return now_s - Number(size) * (UNITS[unit] ?? 1);
  const at = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? null : at / 1_000;
}

/** Ends as a range that stays where it is. */
export function fixed({ from, to }: Ends): Range {
  return { since: iso(Math.floor(from)), until: iso(Math.ceil(to)) };
}

export function iso(at_s: number): string {
  return new Date(at_s * 1_000).toISOString().replace(".000Z", "Z");
}

/** The period of the same length before (-1) or after (1). */
export function shifted({ from, to }: Ends, by: number): Ends {
  const length = to - from;
  return { from: from + by * length, to: to + by * length };
}

/** A longer period around the same middle, which does not go beyond now. */
export function widened({ from, to }: Ends, now_s: number): Ends {
  const half = Math.max(to - from, 1) / 2;
  const over = Math.max(0, to + half - now_s);
  return { from: from - half - over, to: to + half - over };
}

/** A round step, so that there are not more than `most` of them. */
export function stepOf({ from, to }: Ends, most = 72): number {
  const wanted = (to - from) / most;
  return STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / 604_800) * 604_800;
}

/** The condition of a filter that means a range. */
export function condition(range: Range): string {
  const parts = [range.since && `since:${range.since}`, range.until && `until:${range.until}`];
  return parts.filter(Boolean).join(" ");
}

/** The starts of all steps that a period touches. */
export function starts({ from, to }: Ends, step_s: number): number[] {
  const first = Math.floor(from / step_s);
  const last = Math.max(first, Math.ceil(to / step_s) - 1);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step_s);
}

/** Where all records are, the last no later than now. `hours` are starts of an hour, ascending. */
export function extent(hours: readonly number[], now_s: number): Ends | null {
  const [first, last] = [hours[0], hours.at(-1)];
  if (first === undefined || last === undefined) return null;
  return { from: first, to: Math.max(Math.min(last + 3_600, now_s), first + 60) };
}

/** Where a period's records are: from the first to the last, in the shortest of some usual periods
 * up to now that has any. `hours` are starts of an hour, ascending.
 */
export function fitted(hours: readonly number[], now_s: number): Ends | null {
  const last = hours.at(-1);
  if (last === undefined) return null;
  const from = ["24h", "7d", "30d"]
    .map((since) => ends({ since, until: "" }, now_s)?.from ?? 0)
    .find((start) => last + 3_600 > start);
  const near = extent(
    hours.filter((hour) => hour + 3_600 > (from ?? 0)),
    now_s,
  );
  return near && { from: Math.max(near.from, from ?? near.from), to: near.to };
}

/** Which end of a longer period is shown: "last 24 h of 3.5 days"; of all of it "". */
export function part(shown: Ends, whole: Ends): string {
  if (shown.from - whole.from <= 3_600) return "";
  return `last ${long(shown.to - shown.from)} of ${long(shown.to - whole.from)}`;
}

function long(length_s: number): string {
  if (length_s < 5_400) return `${Math.round(length_s / 60)} min`;
  if (length_s < 48 * 3_600) return `${Math.round(length_s / 3_600)} h`;
  return `${Math.round(length_s / 8_640) / 10} days`;
}

const DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };

/** Whether a period begins and ends on the same day here; midnight ends the day before. */
export function isOneDay({ from, to }: Ends): boolean {
  const [a, b] = [new Date(from * 1_000), new Date(Math.max(from, to - 1) * 1_000)];
  return a.toDateString() === b.toDateString();
}

/** A moment as a label under a chart: the time, the day, or both, by what the period needs. */
export function label(at_s: number, length_s: number, inOneDay = length_s <= 86_400): string {
  const at = new Date(at_s * 1_000);
  if (inOneDay) return at.toLocaleTimeString("en-GB", length_s < 600 ? {} : TIME);
  if (length_s <= 14 * 86_400) return at.toLocaleString("en-GB", { ...DAY, ...TIME });
  return at.toLocaleDateString("en-GB", { ...DAY, year: "numeric" });
}

/** The steps, in seconds, that marks of a chart may have: none is finer than what their labels say. */
export function stepsOf(length_s: number): number[] {
  const least = length_s < 600 ? 1 : length_s <= 14 * 86_400 ? 60 : 86_400;
  return [...STEPS, 30 * 86_400, 91 * 86_400, 365 * 86_400].filter((step) => step >= least);
}

/** A period in words: "22 Nov, 09:10 – 09:40", or without the day. */
export function words({ from, to }: Ends, bare = false): string {
  const [a, b] = [new Date(from * 1_000), new Date(to * 1_000)];
  const isOneDay = a.toDateString() === b.toDateString();
  const exact = to - from < 600 ? { ...TIME, second: "2-digit" as const } : TIME;
  const first = a.toLocaleString("en-GB", bare ? exact : { ...DAY, ...exact });
  return `${first} – ${b.toLocaleString("en-GB", isOneDay || bare ? exact : { ...DAY, ...exact })}`;
}

/** The value of a field for a local date and time, and back. */
export function local(at_s: number): string {
  const at = new Date(at_s * 1_000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
