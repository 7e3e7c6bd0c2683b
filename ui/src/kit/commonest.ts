/** Each word once, the commonest first; those that are as common in the order they came. */
export function commonest(words: readonly string[]): string[] {
  const sizes = new Map<string, number>();
  for (const word of words) sizes.set(word, (sizes.get(word) ?? 0) + 1);
  return [...sizes].sort((a, b) => b[1] - a[1]).map(([word]) => word);
}
