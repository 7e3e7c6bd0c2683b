/** Templates of prompts as texts: where values are written, and which names they go by.
 *
 * What this reads is for showing and for a form; the server decides what a template means.
 */

export type Syntax = "jinja" | "mustache";

export interface Piece {
  text: string;
  /** Whether the template engine reads it, rather than the model. */
  isTag: boolean;
}

const JINJA = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\}/g;
const MUSTACHE = /\{\{\{[\s\S]*?\}\}\}|\{\{[\s\S]*?\}\}/g;
const RAW = /\{%-?\s*raw\s*-?%\}[\s\S]*?\{%-?\s*endraw\s*-?%\}/g;
const TEXTS = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g;
const NOT_NAMES = new Set([
  ..."and as block else elif endblock endfilter endfor endif endset false filter for if in include".split(
    " ",
  ),
  ..."is loop none not or recursive set true False None True with endwith without context".split(
    " ",
  ),
]);

/** The text of a template cut at its tags. */
export function pieces(text: string, syntax: Syntax): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const tag of text.matchAll(syntax === "jinja" ? JINJA : MUSTACHE)) {
    if (tag.index > at) found.push({ text: text.slice(at, tag.index), isTag: false });
    found.push({ text: tag[0], isTag: true });
    at = tag.index + tag[0].length;
  }
  if (at < text.length) found.push({ text: text.slice(at), isTag: false });
  return found;
}

/** The names of the variables of some templates, in the order in which they are met. */
export function variables(texts: readonly string[], syntax: Syntax): string[] {
  const found = texts.flatMap((text) => (syntax === "jinja" ? jinja(text) : mustache(text)));
  return [...new Set(found)];
}

function jinja(text: string): string[] {
  const own = new Set<string>();
  const found: string[] = [];
  for (const [tag] of text.replace(RAW, "").matchAll(JINJA)) {
    if (tag.startsWith("{#")) continue;
    const inside = tag.slice(2, -2).replace(TEXTS, '""');
    for (const [, names = ""] of inside.matchAll(/\b(?:for|set)\s+([\w\s,]+?)\s*(?=\bin\b|=)/g))
      for (const name of names.split(",")) own.add(name.trim());
    // a filter, a test, an attribute and the name of an argument are no variables
    const plain = inside
      .replace(/\|\s*\w+/g, " ")
      .replace(/\.\s*\w+/g, " ")
      .replace(/\bis\s+(not\s+)?\w+/g, " ")
      .replace(/\b\w+\s*=(?!=)/g, " ");
    for (const [name] of plain.matchAll(/[A-Za-z_]\w*/g))
      if (!NOT_NAMES.has(name)) found.push(name);
  }
  return found.filter((name) => !own.has(name));
}

function mustache(text: string): string[] {
  const found: string[] = [];
  for (const [tag] of text.matchAll(MUSTACHE)) {
    const [, sign = "", name = ""] = /^\{\{\{?\s*([#^/!>&=]?)\s*([\w-]*)/.exec(tag) ?? [];
    if (name && !"/!>=".includes(sign || "-")) found.push(name);
  }
  return found;
}
