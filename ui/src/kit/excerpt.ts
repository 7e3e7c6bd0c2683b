/** The part of a difference that fits into a row: it begins shortly before the first change. */
import { difference, type Part } from "./words";

const LONGEST = 4_000;
const BEFORE = 40;

/** At most some characters of the difference of two texts; what is the same and long is left out. */
export function excerpt(old: string, now: string, chars: number): Part[] {
  const parts = difference(old.slice(0, LONGEST), now.slice(0, LONGEST));
  const first = parts.findIndex((part) => part.side !== "both");
  if (first < 0) return cut(parts, chars);
  const lead = parts[first - 1];
  const from = parts.slice(first);
  return cut(lead ? [{ text: ended(lead.text), side: "both" }, ...from] : from, chars);
}

function ended(text: string): string {
  return text.length > BEFORE ? `… ${text.slice(-BEFORE)}` : text;
}

function cut(parts: readonly Part[], chars: number): Part[] {
  const found: Part[] = [];
  // of two long parts both are seen
  const most = parts.length > 1 ? Math.ceil(chars / 2) : chars;
  let left = chars;
  for (const part of parts) {
    if (left <= 0) break;
    const room = Math.min(left, most);
    const text = part.text.length > room ? `${part.text.slice(0, room)}… ` : part.text;
    found.push({ ...part, text });
    left -= text.length;
  }
  return found;
}
