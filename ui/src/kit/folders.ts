/** Prompts by their folders, and those that a search means. */

export interface Placed {
  name: string;
  folder: string;
  tags: readonly string[];
  labels: Readonly<Record<string, number>>;
  description: string;
}

export interface Folder {
  path: string;
  name: string;
  depth: number;
  /** How many prompts are in it and in those below it. */
  size: number;
}

/** Every folder with those around it, in the order of a tree. */
export function folders(placed: readonly Placed[]): Folder[] {
  const sizes = new Map<string, number>();
  for (const { folder } of placed) {
    const parts = folder.split("/").filter(Boolean);
    for (let n = 1; n <= parts.length; n++) {
      const path = parts.slice(0, n).join("/");
      sizes.set(path, (sizes.get(path) ?? 0) + 1);
    }
  }
  return [...sizes]
    .map(([path, size]) => {
      const parts = path.split("/");
      return { path, name: parts.at(-1) ?? "", depth: parts.length - 1, size };
    })
    .sort((a, b) => order(a.path.split("/"), b.path.split("/")));
}

function order(one: readonly string[], other: readonly string[]): number {
  const at = one.findIndex((part, n) => part !== other[n]);
  if (at < 0) return one.length - other.length;
  return (one[at] ?? "").localeCompare(other[at] ?? "");
}

/** How many prompts have each value, the commonest first. */
export function counted(values: readonly string[]): [string, number][] {
  const sizes = new Map<string, number>();
  for (const value of values) sizes.set(value, (sizes.get(value) ?? 0) + 1);
  return [...sizes].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

export interface Asked {
  q: string;
  folder: string;
  tag: string;
  label: string;
}

/** Whether a prompt is meant; every word of `q` stands somewhere in it, `words` included. */
export function isMeant(one: Placed, asked: Asked, words = ""): boolean {
  const isIn =
    !asked.folder || one.folder === asked.folder || one.folder.startsWith(`${asked.folder}/`);
  const has = (!asked.tag || one.tags.includes(asked.tag)) && (!asked.label || isLabelled(one));
  if (!isIn || !has) return false;
  const text = [one.name, one.folder, ...one.tags, ...Object.keys(one.labels), one.description]
    .concat(words)
    .join("\n")
    .toLowerCase();
  return asked.q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));

  function isLabelled({ labels }: Placed): boolean {
    return Object.hasOwn(labels, asked.label);
  }
}
