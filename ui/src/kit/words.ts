/** What two texts do not have in common, word by word. */
import { diffWordsWithSpace } from "diff";

export interface Part {
  text: string;
  side: "both" | "old" | "new";
}

const LONGEST = 60_000;
const LONGEST_MS = 300;
/** Of two texts that have less in common than this, single words beside each other say nothing. */
const LEAST_COMMON = 0.3;

/** Parts in reading order; texts that are too long or too unlike are one part each. */
export function difference(old: string, now: string): Part[] {
  const found =
    old.length + now.length <= LONGEST
      ? diffWordsWithSpace(old, now, { timeout: LONGEST_MS })
      : undefined;
  if (!found || common(found) < LEAST_COMMON) {
    const whole: Part[] = [
      { text: old, side: "old" },
      { text: now, side: "new" },
    ];
    return whole.filter((part) => part.text !== "");
  }
  return found.map((one) => ({
    text: one.value,
    side: one.added ? "new" : one.removed ? "old" : "both",
  }));
}

/** How much of the longer text the other has too, in [0, 1]; space does not count. */
function common(found: readonly { value: string; added: boolean; removed: boolean }[]): number {
  const size = (isIn: (one: { added: boolean; removed: boolean }) => boolean) =>
    found.filter(isIn).reduce((sum, one) => sum + one.value.replace(/\s+/g, "").length, 0);
  const both = size((one) => !one.added && !one.removed);
  const rest = Math.max(
    size((one) => one.removed),
    size((one) => one.added),
  );
  return both + rest === 0 ? 1 : both / (both + rest);
}
