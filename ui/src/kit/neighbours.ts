/** The rows of the list that was left last, in their order: what stands before and after one. */

let ids: readonly string[] = [];
let search = "";

/** In memory, as far as the list was loaded; a list that is shown later takes its place.
 *
 * `asked` is the query of the list's address.
 */
export function remember(those: readonly string[], asked = ""): void {
  ids = those;
  search = asked;
}

export interface Neighbours {
  before: string | null;
  after: string | null;
  /** From 1. */
  place: number;
  /** How many rows are known; the list itself may go on. */
  of: number;
  /** The query of the list's address: its filter, its order. */
  search: string;
}

/** Null where the list has no such row, as on a page that was opened by its address. */
export function neighbours(id: string): Neighbours | null {
  const at = ids.indexOf(id);
  if (at < 0) return null;
  const [before = null, after = null] = [ids[at - 1], ids[at + 1]];
  return { before, after, place: at + 1, of: ids.length, search };
}
