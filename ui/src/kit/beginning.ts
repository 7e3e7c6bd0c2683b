import { head } from "./visible";

const LINE_CHARS = 110;

/** The first lines of a text, a very long one counted as several; all of it where little would be left. */
export function beginning(text: string, lines: number): string {
  let at = 0;
  for (let left = lines; left > 0 && at < text.length; ) {
    const end = text.indexOf("\n", at);
    const to = end === -1 ? text.length : end + 1;
    const takes = Math.ceil((to - at) / LINE_CHARS) || 1;
    at = takes > left ? at + left * LINE_CHARS : to;
    left -= takes;
  }
  return text.length - at <= LINE_CHARS * 2 ? text : head(text, at);
}
