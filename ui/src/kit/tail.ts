/** Rows that arrive while others are shown: bounded, newest first, each once. */

/** Newcomers before what is there; what comes again replaces what it was. Not more than `most`. */
export function joined<Row>(
  newer: readonly Row[],
  older: readonly Row[],
  key: (row: Row) => string,
  most = Number.POSITIVE_INFINITY,
): Row[] {
  const seen = new Set<string>();
  const rows: Row[] = [];
  for (const part of [newer, older]) {
    for (const row of part) {
      if (rows.length >= most) return rows;
      if (seen.has(key(row))) continue;
      seen.add(key(row));
      rows.push(row);
    }
  }
  return rows;
}
