/** Releases as people look at them: by route, and what is to be done with one. */

export interface Released {
  release_id: string;
  route: string;
  version: number;
  state: string;
  share: number | null;
  live_in: readonly string[];
  created_ns: number;
}

export interface Line<R extends Released> {
  route: string;
  live: R | null;
  canary: R | null;
  placed: { environment: string; release: R }[];
  /** The newest that may go live next: none older than what is live. */
  waiting: R | null;
  versions: number;
  newest_ns: number;
}

/** One line for each route, the one with the newest release first. */
export function lines<R extends Released>(releases: readonly R[]): Line<R>[] {
  const routes = new Map<string, R[]>();
  for (const one of releases) routes.set(one.route, [...(routes.get(one.route) ?? []), one]);
  return [...routes].map(([route, own]) => line(route, own)).sort(newestFirst);
}

function newestFirst(a: { newest_ns: number }, b: { newest_ns: number }): number {
  return b.newest_ns - a.newest_ns;
}

function line<R extends Released>(route: string, own: readonly R[]): Line<R> {
  const ordered = [...own].sort((a, b) => b.version - a.version);
  const live = ordered.find((one) => one.state === "live") ?? null;
  const isWaiting = (one: R) =>
    ["draft", "candidate", "canary"].includes(one.state) &&
    (live === null || one.version > live.version);
  return {
    route,
    live,
    canary: ordered.find((one) => one.state === "canary") ?? null,
    placed: ordered.flatMap((release) =>
      release.live_in.map((environment) => ({ environment, release })),
    ),
    waiting: ordered.find(isWaiting) ?? null,
    versions: own.length,
    newest_ns: Math.max(...own.map((one) => one.created_ns)),
  };
}

export type Move = "approve" | "canary" | "end_canary" | "promote" | "rollback" | "withdraw";

/** What may be done with a release in its state; whether it is allowed the server says. */
export function moves(release: Released): Move[] {
  const { state, live_in } = release;
  const found: Move[] = [];
  if (state === "candidate" || state === "draft") found.push("promote", "canary", "approve");
  if (state === "canary") found.push("promote", "canary", "approve", "end_canary");
  if (state === "live") found.push("promote");
  if (state === "live" || state === "canary" || live_in.length > 0) found.push("rollback");
  if (live_in.length > 0) found.push("withdraw");
  return found;
}

/** "5%", "5" and "0.05" are 0.05; null for what is no share. */
export function share(text: string): number | null {
  const [, size, sign] = /^\s*(\d*\.?\d+)\s*(%?)\s*$/.exec(text) ?? [];
  if (size === undefined) return null;
  const value = Number(size);
  const found = sign || value > 1 ? value / 100 : value;
  return found > 0 && found <= 1 ? found : null;
}
