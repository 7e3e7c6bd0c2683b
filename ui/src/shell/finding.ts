/** What a text that was written into the palette may mean. */
import type { Page } from "@/pages";

export interface Entry {
  title: string;
  detail: string;
  href: string;
}

const TRACE = /^[0-9a-f]{32}$/i;
const MOST = 8;

/** Pages whose title has the letters in this order; records that are called so; a trace by its id;
 * else a filter of traces. Of pages below others, those that are asked for by name. */
export function found(
  text: string,
  pages: readonly Page[],
  records: readonly Entry[] = [],
): Entry[] {
  const asked = text.trim().toLowerCase();
  const main = pages.filter((page) => page.group && inOrder(asked, page.title.toLowerCase()));
  const entries: Entry[] = main.map((page) => entryOf(page, page.group ?? ""));
  if (!asked) return entries;
  const below = pages.filter(
    (page) => !page.group && !page.path.includes(":") && page.title.toLowerCase().includes(asked),
  );
  entries.push(...below.map((page) => entryOf(page, parentOf(page, pages))));
  const named = records.filter((record) => record.title.toLowerCase().includes(asked));
  entries.push(...named.slice(0, MOST));
  if (TRACE.test(asked))
    entries.unshift({ title: asked, detail: "trace", href: `/traces/${asked}` });
  const filter = encodeURIComponent(text.trim());
  entries.push({ title: text.trim(), detail: "filter traces", href: `/traces?filter=${filter}` });
  return entries;
}

function entryOf({ title, path }: Page, detail: string): Entry {
  return { title, detail, href: path };
}

function parentOf(page: Page, pages: readonly Page[]): string {
  const above = page.path.slice(0, page.path.lastIndexOf("/"));
  return pages.find((one) => one.path === above)?.title ?? "";
}

/** Whether a text has the letters of another, in their order. */
export function inOrder(letters: string, text: string): boolean {
  let at = 0;
  for (const letter of letters) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
