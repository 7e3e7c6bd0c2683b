/** Shares as people write them: "train 80, test 20" or "train=.8 test=.2". */

/** Each name with its share of one, in the order written; null where that is not what was written. */
export function ratio(text: string): Record<string, number> | null {
  const found: [string, number][] = [];
  for (const part of text.split(/[,;]|\s{2,}/).filter((one) => one.trim())) {
    const [, name, size] = /^\s*(.*?)\s*[\s=:]\s*(\d*\.?\d+)\s*%?\s*$/.exec(part) ?? [];
    const share = Number(size);
    if (!name || !(share > 0) || found.some(([known]) => known === name)) return null;
    found.push([name, share]);
  }
  const total = found.reduce((sum, [, share]) => sum + share, 0);
  if (found.length === 0) return null;
  return Object.fromEntries(found.map(([name, share]) => [name, share / total]));
}
