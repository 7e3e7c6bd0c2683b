/** Numbers, money and times as people read them: three significant digits, and always a unit. */

const STEPS: [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** `1234` is "1,234", `59123` is "59.1 k". Nothing is "–". */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) < 10_000) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  const [size, sign] = STEPS.find(([step]) => Math.abs(value) >= step) ?? [1, ""];
  return `${digits(value / size)} ${sign}`;
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  const places = Math.min(Math.max(2 - size, 0), 12);
  return value.toLocaleString("en", { maximumFractionDigits: places, useGrouping: true });
}

/** Milliseconds: "0.42 ms", "412 ms", "1.53 s", "2 min 5 s", "3 h 2 min". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1_000) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1_000)} s`;
  if (ms < 3_600_000) return two(Math.floor(ms / 1_000), 60, "min", "s");
  return two(Math.floor(ms / 60_000), 60, "h", "min");
}

function two(value: number, per: number, large: string, small: string): string {
  const rest = value % per;
  return `${Math.floor(value / per)} ${large}${rest ? ` ${rest} ${small}` : ""}`;
}

/** In dollars; what is less is said to be less, for its digits would fill a column with zeros. */
const LEAST_USD = 0.00001;
/** In dollars; from here on cents say nothing. */
const WHOLE_USD = 1_000;

/** US dollars: "<$0.00001", "$0.0031", "$0.13", "$1.50", "$1,235"; not priced is "–", never 0. */
export function money(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const amount = Number(value);
  if (amount === 0) return "$0";
  if (amount < 0) return `−${money(-amount)}`;
  return amount < LEAST_USD ? `<$${LEAST_USD.toFixed(5)}` : `$${dollars(amount)}`;
}

/** Three significant digits below a dollar, cents up to a thousand, and whole dollars from there. */
function dollars(amount: number): string {
  const small = digits(amount);
  if (amount < 1 && small.length > 4) return small;
  const places = amount < WHOLE_USD ? 2 : 0;
  return amount.toLocaleString("en", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}

/** A share of one as a percentage. */
export function percent(value: number | null | undefined, places = 1): string {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(places)} %`;
}

/** A difference with its sign; the minus is a real one. */
export function signed(value: number, text: (size: number) => string): string {
  return value === 0 ? `±${text(0)}` : `${value > 0 ? "+" : "−"}${text(Math.abs(value))}`;
}

/** Nanoseconds since 1970 as a moment of this machine's time zone: "2026-11-21 10:49:39". */
export function moment(ns: number): string {
  const at = new Date(ns / 1e6);
  const part = (value: number, width = 2) => String(value).padStart(width, "0");
  const day = [at.getFullYear(), part(at.getMonth() + 1), part(at.getDate())].join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => part(n)).join(":")}`;
}

const AGES: [number, string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** How long ago: "now", "41 s", "3 min", "2 h", "5 d". */
export function ago(ns: number, now_ms: number): string {
  const seconds = Math.max(0, Math.floor((now_ms - ns / 1e6) / 1_000));
  const [size, unit] = AGES.find(([step]) => seconds >= step) ?? [1, ""];
  return unit ? `${Math.floor(seconds / size)} ${unit}` : "now";
}
