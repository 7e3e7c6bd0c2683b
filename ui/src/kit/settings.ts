/** A tree of settings as the lines of a list, each with the name that the file has for it. */

export interface Setting {
  /** Dotted, with places in lists: "providers[0].kind". */
  key: string;
  value: string;
  /** Where it was written: a file and line, a variable, a flag, "default", or "" where unknown. */
  origin: string;
}

export function flat(tree: unknown, origins: Readonly<Record<string, string>>): Setting[] {
  return lines(tree, "").map(([key, value]) => ({ key, value, origin: originOf(key, origins) }));
}

/** Lists of plain values are one line; those of objects have lines for each. */
function lines(value: unknown, key: string): [string, string][] {
  if (Array.isArray(value) && value.some(isTree))
    return value.flatMap((one, index) => lines(one, `${key}[${index}]`));
  if (isTree(value) && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([name, one]) =>
      lines(one, key ? `${key}.${name}` : name),
    );
  return key ? [[key, written(value)]] : [];
}

const isTree = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(written).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** That of the setting, or else of what it is in: a list in a variable has one origin. */
function originOf(key: string, origins: Readonly<Record<string, string>>): string {
  for (let name = key; name; name = name.replace(/(\[\d+\]|\.?[^.[]+)$/, "")) {
    const found = origins[name];
    if (found) return found;
  }
  return "";
}

const SIZES = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes as people read it, "20 MiB"; "" of what is no such number, or is small. */
export function sized({ key, value }: Setting): string {
  if (!key.endsWith("_bytes") || !/^\d+$/.test(value) || Number(value) < 1_024) return "";
  const power = Math.min(Math.floor(Math.log2(Number(value)) / 10), SIZES.length - 1);
  const size = Number(value) / 1_024 ** power;
  return `${Number(size.toFixed(1))} ${SIZES[power]}`;
}
