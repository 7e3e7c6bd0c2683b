/** What a scorer says of itself, as its source has it: lines that were broken for an editor. */

export interface Described {
  /** Running text with its lines joined, or examples as they stand. */
  paragraphs: { text: string; isCode: boolean }[];
  /** What each parameter means. */
  parameters: Readonly<Record<string, string>>;
}

const CODE = /^(>>>|\s)/;

export function described(text: string): Described {
  const found: Described["paragraphs"] = [];
  let parameters: Record<string, string> = {};
  for (const block of text.split(/\n[^\S\n]*\n/)) {
    const lines = block.split("\n").filter((line) => line.trim());
    const [first = "", ...rest] = lines;
    if (first.trim() === "Args:") parameters = { ...parameters, ...named(rest) };
    else if (first) {
      const isCode = CODE.test(first);
      found.push({ text: isCode ? lines.join("\n") : joined(lines), isCode });
    }
  }
  return { paragraphs: found, parameters };
}

/** Lines such as `name: what it means`; what is indented further goes on. */
function named(lines: readonly string[]): Record<string, string> {
  const least = Math.min(...lines.map(indent));
  const found: Record<string, string> = {};
  let name = "";
  for (const line of lines) {
    const at = line.indexOf(":");
    if (indent(line) === least && at > 0) {
      name = line.slice(0, at).trim();
      found[name] = line.slice(at + 1).trim();
    } else if (name) found[name] = joined([found[name] ?? "", line]);
  }
  return found;
}

const indent = (line: string) => line.length - line.trimStart().length;
const joined = (lines: readonly string[]) => lines.map((line) => line.trim()).join(" ");
