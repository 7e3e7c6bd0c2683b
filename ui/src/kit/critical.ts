/** The critical path of a trace: at every moment the one span that its end was waiting for. */
import type { Tree } from "./tree";

/** A stretch of time in microseconds from the first span. */
export type Stretch = readonly [from: number, to: number];

interface Waiting {
  at: number | null;
  from: number;
  to: number;
}

/** What each span on the path adds to it by itself, by its place; spans that are not there add nothing.
 *
 * Walked backwards from the end: of the spans below one, the last to end before the moment looked at
 * is what was waited for, and it is looked at in its turn up to its start. Spans that end after their
 * parent are cut there, for nothing waited for the rest.
 */
export function critical({ nodes, duration_us }: Tree): Map<number, Stretch[]> {
  const below = new Map<number | null, number[]>();
  for (const node of nodes) {
    const of = below.get(node.parent);
    if (of) of.push(node.at);
    else below.set(node.parent, [node.at]);
  }
  const path = new Map<number, Stretch[]>();
  const waiting: Waiting[] = [{ at: null, from: 0, to: duration_us }];
  for (let now = waiting.pop(); now; now = waiting.pop()) {
    const one = now;
    const own: Stretch[] = [];
    let until = one.to;
    for (const child of byEnd(below.get(one.at) ?? [], one.to)) {
      if (child.to > until || child.from >= until) continue;
      if (child.to < until) own.push([child.to, until]);
      waiting.push({ at: child.at, from: Math.max(child.from, one.from), to: child.to });
      until = Math.max(child.from, one.from);
    }
    if (until > one.from) own.push([one.from, until]);
    if (one.at !== null) path.set(one.at, own.reverse());
  }
  return path;

  function byEnd(places: readonly number[], end: number) {
    return places
      .map((at) => {
        const { start_us = 0, duration_us: took = 0 } = nodes[at] ?? {};
        return { at, from: start_us, to: Math.min(start_us + took, end) };
      })
      .filter((child) => child.to > child.from)
      .sort((a, b) => b.to - a.to || a.from - b.from);
  }
}
