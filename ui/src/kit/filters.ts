/** Text of the filter language, put together: what the server reads, docs "Querying" describes. */

const PLAIN = /^[\p{L}\p{N}_.][\p{L}\p{N}_.:=@/+#-]*$/u;
const SCORE = /^(score|metadata|attributes)\./;

/** A value as it is written: in quotes where it would not be read as it is. */
export function spelt(value: string): string {
  return PLAIN.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** One condition: `model:gpt-4o`, `user:"two words"`, `score."my score":false`. */
export function term(field: string, ...values: string[]): string {
  const [, prefix = "", key = ""] = /^(score|metadata|attributes)\.(.*)$/s.exec(field) ?? [];
  const plain = /^[\p{L}\p{N}_.-]+$/u.test(key);
  const name = SCORE.test(field) ? `${prefix}.${plain ? key : quoted(key)}` : field;
  // these are searched for by their words, unless it is said that they are equal
  const sign = field === "name" || field === "error" || field === "text" ? "=" : ":";
  return `${name}${sign}${values.map(spelt).join(",")}`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** The conditions that stand side by side; what is in quotes or parentheses is one. */
export function conditions(filter: string): string[] {
  const found: string[] = [];
  let [word, depth, inQuotes] = ["", 0, false];
  for (let at = 0; at < filter.length; at++) {
    const char = filter[at] as string;
    if (inQuotes && char === "\\") {
      word += char + (filter[++at] ?? "");
      continue;
    }
    if (char === '"') inQuotes = !inQuotes;
    else if (!inQuotes && char === "(") depth++;
    else if (!inQuotes && char === ")") depth--;
    if (/\s/.test(char) && !inQuotes && depth <= 0) {
      if (word) found.push(word);
      word = "";
    } else word += char;
  }
  return word ? [...found, word] : found;
}

/** Both must hold. An OR of one side stays together. */
export function both(filter: string, more: string): string {
  return [filter, more]
    .map((one) => one.trim())
    .filter(Boolean)
    .map((one, _, all) => (all.length > 1 && isEither(one) ? `(${one})` : one))
    .join(" ");
}

function isEither(filter: string): boolean {
  return conditions(filter).some((one) => one.toUpperCase() === "OR");
}

/** Whether a condition stands in a filter for all of it. */
export function has(filter: string, condition: string): boolean {
  return !isEither(filter) && conditions(filter).includes(condition);
}

/** With a condition, or without it where it is there already; its opposite goes. */
export function toggled(filter: string, condition: string): string {
  const opposite = condition.startsWith("-") ? condition.slice(1) : `-${condition}`;
  const isThere = has(filter, condition);
  if (isEither(filter)) return both(filter, condition);
  const kept = conditions(filter).filter((one) => one !== condition && one !== opposite);
  return (isThere ? kept : [...kept, condition]).join(" ");
}

/** The address of the traces that a filter finds. */
export function tracesOf(filter: string, period: { since?: string; until?: string } = {}): string {
  const asked = Object.entries({ filter, ...period }).filter(([, value]) => value);
  return `/traces?${new URLSearchParams(asked as [string, string][])}`;
}

/** Calls of applications: what experiments and probes ask has a run. */
export const LIVE = "-has:run";
