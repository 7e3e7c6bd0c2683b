/** Places in a text that something was found at, as stretches that do not overlap. */

export interface Mark {
  start: number;
  end: number;
  what: string;
}

export interface Stretch {
  text: string;
  what: string | null;
}

/** Where a guard found something: of its role, message, kind and part, in characters. */
export interface Finding extends Mark {
  at: string;
  rule: string;
}

/** What stands in a record in place of what was hidden: `[EMAIL_ADDRESS]`, `<PERSON_1>`. */
const HIDDEN = /\[[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\]|<[A-Z][A-Z0-9_]*_\d+>/g;

/** The text cut at its marks. Characters are whole ones, as the server counts them; where two marks
 * overlap the first goes on. In a record that hides, the places have moved: what stands for the
 * hidden is marked instead.
 */
export function marked(text: string, found: readonly Mark[]): Stretch[] {
  if (found.length === 0) return [{ text, what: null }];
  const hidden = [...text.matchAll(HIDDEN)].map((one) => ({
    start: one.index,
    end: one.index + one[0].length,
    what: "hidden",
  }));
  const units = hidden.length > 0 ? hidden : inUnits(text, found);
  const parts: Stretch[] = [];
  let at = 0;
  for (const one of [...units].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const from = Math.max(one.start, at);
    const to = Math.min(one.end, text.length);
    if (to <= from) continue;
    if (from > at) parts.push({ text: text.slice(at, from), what: null });
    parts.push({ text: text.slice(from, to), what: one.what });
    at = to;
  }
  if (at < text.length) parts.push({ text: text.slice(at), what: null });
  return parts;
}

/** Places in characters as places in UTF-16, which is how this language counts. */
function inUnits(text: string, found: readonly Mark[]): Mark[] {
  if (!/[\ud800-\udbff]/.test(text)) return [...found];
  const places: number[] = [];
  let unit = 0;
  for (const char of text) {
    places.push(unit);
    unit += char.length;
  }
  const place = (at: number) => places[at] ?? unit;
  return found.map((one) => ({ ...one, start: place(one.start), end: place(one.end) }));
}

/** The findings of the scores of guards on one side of a call. */
export function findings(
  scores: readonly { name: string; passed: boolean | null; metadata: object }[],
  side: "input" | "output",
): Finding[] {
  return scores
    .filter((score) => score.name.startsWith("guard.") && score.passed === false)
    .flatMap((score) => {
      const { stage, findings: list } = score.metadata as { stage?: string; findings?: unknown };
      if (!Array.isArray(list) || (stage === "output" ? "output" : "input") !== side) return [];
      return list.filter(isFinding).map((one) => ({
        at: one.at,
        start: one.start,
        end: one.end,
        rule: score.name.slice("guard.".length),
        what: `${score.name.slice("guard.".length)}: ${one.kind}`,
      }));
    });
}

function isFinding(one: unknown): one is { at: string; start: number; end: number; kind: string } {
  if (typeof one !== "object" || one === null) return false;
  const { at, start, end } = one as Record<string, unknown>;
  return typeof at === "string" && typeof start === "number" && typeof end === "number";
}

/** Those of one part of one message. A route may have put messages before those of the caller, which
 * the guards counted: the place of a finding is the first message of its speaker from there on.
 */
export function findingsOf(
  all: readonly Finding[],
  roles: readonly string[],
  message: number,
  part: number,
): Finding[] {
  return all.filter((one) => {
    const [role, index, , piece] = one.at.split("/");
    const place = roles.findIndex((name, at) => at >= Number(index) && name === role);
    return place === message && Number(piece ?? 0) === part;
  });
}
