/** How sure a share of some cases is. */

const Z = 1.959_963_985;

/** Wilson's 95 % interval of `hits` in `cases` (Wilson 1927); null without a case. */
export function wilson(hits: number, cases: number): [number, number] | null {
  if (cases === 0) return null;
  const share = hits / cases;
  const square = (Z * Z) / cases;
  const middle = share + square / 2;
  const half = Z * Math.sqrt((share * (1 - share)) / cases + square / (4 * cases));
  return [Math.max(0, (middle - half) / (1 + square)), Math.min(1, (middle + half) / (1 + square))];
}
