/** What the gateway counted, added up; and what a route does, in words. */
import { percent } from "./format";

export interface Counted {
  route: string;
  status: string;
  requests: number;
  retried: number;
  cost_usd: string;
  unpriced: number;
  cache_hits: number;
  cache_misses: number;
  saved_usd: string;
}

export interface Sums {
  requests: number;
  errors: number;
  refused: number;
  retried: number;
  hits: number;
  misses: number;
  unpriced: number;
  cost_usd: number;
  saved_usd: number;
}

const ANSWERED = new Set(["ok", "unset", "cancelled"]);

/** Sums of some rows. What was refused before anybody was asked has no route and no target. */
export function added(rows: readonly Counted[]): Sums {
  const sums: Sums = {
    requests: 0,
    errors: 0,
    refused: 0,
    retried: 0,
    hits: 0,
    misses: 0,
    unpriced: 0,
    cost_usd: 0,
    saved_usd: 0,
  };
  for (const row of rows) {
    sums.requests += row.requests;
    if (row.status === "error") sums.errors += row.requests;
    else if (!ANSWERED.has(row.status)) sums.refused += row.requests;
    sums.retried += row.retried;
    sums.hits += row.cache_hits;
    sums.misses += row.cache_misses;
    sums.unpriced += row.unpriced;
    sums.cost_usd += Number(row.cost_usd);
    sums.saved_usd += Number(row.saved_usd);
  }
  return sums;
}

/** The sums of each route. */
export function byRoute(rows: readonly Counted[]): Map<string, Sums> {
  const groups = new Map<string, Counted[]>();
  for (const row of rows) groups.set(row.route, [...(groups.get(row.route) ?? []), row]);
  return new Map([...groups].map(([route, own]) => [route, added(own)]));
}

interface Share {
  release: string | null;
  share: number;
}

/** Who has which share: "docs@3 5.0 %, docs@2 the rest"; a route of its own models has no release. */
export function shared(main: string | null, canary: Share | null, split: readonly Share[]): string {
  const said = (one: Share) => `${one.release ?? "its own models"} ${percent(one.share, 0)}`;
  const parts = [canary, ...split].filter((one) => one !== null).map(said);
  if (split.length > 0) return parts.join(", ");
  return [...parts, parts.length ? `${main ?? "its own models"} the rest` : (main ?? "")]
    .filter(Boolean)
    .join(", ");
}

/** A list as it is written into a field: "a, b" is ["a", "b"], nothing is null. */
export function listed(text: string): string[] | null {
  const found = text
    .split(/[,\n]/)
    .map((one) => one.trim())
    .filter(Boolean);
  return found.length > 0 ? found : null;
}

/** How long until something, in its largest unit: "40 s", "7 min", "13 h", "9 d". */
export function roughly(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3_600
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}
