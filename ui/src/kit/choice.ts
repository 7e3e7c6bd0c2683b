/** One of a few views by the name in an address, whatever its case; the first where it names none. */
export function chosenOf<Name extends string>(
  names: readonly [Name, ...Name[]],
  text: string,
): Name {
  const asked = text.toLowerCase();
  return names.find((one) => one.toLowerCase() === asked) ?? names[0];
}
