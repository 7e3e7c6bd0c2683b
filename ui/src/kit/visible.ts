/** Hostile text made harmless to look at: what has no shape, or changes the order of others, is spelt out. */

// Controls but for tab and newline, marks that turn the writing direction, what has no width, tags.
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** `"a\u202eb"` is "a⟨202E⟩b". Joiners stay: emoji and several scripts are written with them. */
export function visible(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(
      UNSEEN,
      (found) => `⟨${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
    );
}

/** The beginning of a text, cut at a whole character. */
export function head(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const end = /[\ud800-\udbff]/.test(text[chars - 1] ?? "") ? chars - 1 : chars;
  return text.slice(0, end);
}

/** JSON text, or a literal that has its escapes, with what cannot be seen written as escapes. */
export function escaped(json: string): string {
  return json.replace(UNSEEN, (found) =>
    found
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

const RUN = /\S{500}(?=\S)/gu;

/** A text in pieces between which a line may end: laying out one long word takes a browser seconds. */
export function pieces(text: string): string[] {
  const ends = [...text.matchAll(RUN)].map((run) => run.index + run[0].length);
  return [0, ...ends].map((start, at) => text.slice(start, ends[at]));
}
