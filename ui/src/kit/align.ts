/** Two traces side by side: which span of the one is which of the other. */
import { diffArrays } from "diff";
import type { Node } from "./tree";

/** One row of a comparison; a span that the other trace has not has no partner. */
export interface Pair {
  old: Node | null;
  now: Node | null;
}

const LONGEST_MS = 2_000;
const MOST_EDITS = 4_000;

/** Pairs in reading order, by the longest common row of spans (Myers 1986); spans are alike when they
 * have the same depth, kind and name. Traces too unlike to be told in time stand one after the other.
 */
export function aligned(old: readonly Node[], now: readonly Node[]): Pair[] {
  const found = diffArrays(old.map(looks), now.map(looks), {
    timeout: LONGEST_MS,
    maxEditLength: MOST_EDITS,
  });
  if (!found)
    return [
      ...old.map((one) => ({ old: one, now: null })),
      ...now.map((one) => ({ old: null, now: one })),
    ];
  const pairs: Pair[] = [];
  let [left, right] = [0, 0];
  for (const part of found) {
    for (let n = 0; n < part.value.length; n++)
      pairs.push({
        old: part.added ? null : (old[left++] ?? null),
        now: part.removed ? null : (now[right++] ?? null),
      });
  }
  return pairs;
}

function looks(node: Node): string {
  return `${node.depth} ${node.kind} ${node.name}`;
}
