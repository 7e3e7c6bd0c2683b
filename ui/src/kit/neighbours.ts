/** The rows of the list that was left last, in their order: what stands before and after one. */

let ids: readonly string[] = [];

/** In memory, as far as the list was loaded; a list that is shown later takes its place. */
export function remember(those: readonly string[]): void {
  ids = those;
}

export interface Neighbours {
  before: string | null;
  after: string | null;
  /** From 1. */
  place: number;
  /** How many rows are known; the list itself may go on. */
  of: number;
}

/** Null where the list has no such row, as on a page that was opened by its address. */
export function neighbours(id: string): Neighbours | null {
  const at = ids.indexOf(id);
  if (at < 0) return null;
  return { before: ids[at - 1] ?? null, after: ids[at + 1] ?? null, place: at + 1, of: ids.length };
}
