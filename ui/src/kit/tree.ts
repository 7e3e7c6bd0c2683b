/** A trace as a tree: the columns of the server as rows in reading order, and what is shown of them. */

export interface Named {
  values: readonly string[];
  at: readonly (number | null)[];
}

/** As the server tells a trace: a column for each field, times in microseconds from the first span. */
export interface Columns {
  span_ids: readonly string[];
  parents: readonly (number | null)[];
  names: Named;
  kinds: Named;
  models: Named;
  statuses: Named;
  errors: Named;
  start_us: readonly number[];
  duration_us: readonly number[];
  first_token_us: readonly (number | null)[];
  input_tokens: readonly number[];
  output_tokens: readonly number[];
  cost_usd: readonly (string | null)[];
  orphans: readonly number[];
  open: readonly number[];
}

/** One span at its place in reading order: parents before children, siblings by start. */
export interface Node {
  id: string;
  at: number;
  parent: number | null;
  depth: number;
  /** The place behind the last span below this one. */
  end: number;
  name: string;
  kind: string;
  model: string | null;
  status: string;
  error: string | null;
  start_us: number;
  duration_us: number;
  first_token_us: number | null;
  tokens: number;
  cost_usd: number | null;
  /** Its parent is not in the trace. */
  lost: boolean;
  open: boolean;
}

export interface Tree {
  nodes: readonly Node[];
  places: ReadonlyMap<string, number>;
  /** Of the whole trace, from its first start to its last end. */
  duration_us: number;
}

/** The tree of a trace's columns; deep ones as well, for nothing here calls itself. */
export function grown(columns: Columns): Tree {
  const count = columns.span_ids.length;
  const children = new Map<number | null, number[]>();
  for (let index = 0; index < count; index++) {
    const parent = columns.parents[index] ?? null;
    const of = children.get(parent);
    if (of) of.push(index);
    else children.set(parent, [index]);
  }
  const read = reader(columns);
  const nodes: Node[] = [];
  const open: { node: Node; left: number[] }[] = [];
  let left = reversed(children.get(null));
  for (;;) {
    const index = left.pop();
    if (index === undefined) {
      const done = open.pop();
      if (!done) break;
      done.node.end = nodes.length;
      left = done.left;
      continue;
    }
    const above = open.at(-1)?.node;
    const node = read(index, nodes.length, above);
    nodes.push(node);
    open.push({ node, left });
    left = reversed(children.get(index));
  }
  let duration_us = 0;
  for (const node of nodes) duration_us = Math.max(duration_us, node.start_us + node.duration_us);
  return { nodes, places: new Map(nodes.map((node) => [node.id, node.at])), duration_us };
}

function reversed(places: readonly number[] | undefined): number[] {
  return places ? [...places].reverse() : [];
}

function reader(columns: Columns): (index: number, at: number, above: Node | undefined) => Node {
  const lost = new Set(columns.orphans);
  const open = new Set(columns.open);
  return (index, at, above) => ({
    id: columns.span_ids[index] ?? "",
    at,
    parent: above ? above.at : null,
    depth: above ? above.depth + 1 : 0,
    end: at + 1,
    name: text(columns.names, index) ?? "",
    kind: text(columns.kinds, index) ?? "other",
    model: text(columns.models, index),
    status: text(columns.statuses, index) ?? "unset",
    error: text(columns.errors, index),
    start_us: columns.start_us[index] ?? 0,
    duration_us: Math.max(0, columns.duration_us[index] ?? 0),
    first_token_us: columns.first_token_us[index] ?? null,
    tokens: (columns.input_tokens[index] ?? 0) + (columns.output_tokens[index] ?? 0),
    cost_usd: amount(columns.cost_usd[index]),
    lost: lost.has(index),
    open: open.has(index),
  });
}

function text(column: Named, index: number): string | null {
  const place = column.at[index];
  return place === null || place === undefined ? null : (column.values[place] ?? null);
}

function amount(cost: string | null | undefined): number | null {
  return cost === null || cost === undefined ? null : Number(cost);
}

/** The rows that are shown: not those below a folded span; with a search, its finds and their parents. */
export function shown(
  nodes: readonly Node[],
  folded: ReadonlySet<string>,
  found: ReadonlySet<number> | null = null,
): Node[] {
  const rows: Node[] = [];
  for (let at = 0; at < nodes.length; ) {
    const node = nodes[at] as Node;
    if (!found || found.has(at)) rows.push(node);
    at = !found && folded.has(node.id) ? node.end : at + 1;
  }
  return rows;
}

/** The places of the spans that have a text in their name, kind, model, error or id. */
export function matches(nodes: readonly Node[], text: string): number[] {
  const asked = text.trim().toLowerCase();
  if (!asked) return [];
  const has = (value: string | null) => value?.toLowerCase().includes(asked);
  return nodes
    .filter((one) => [one.name, one.kind, one.model, one.error, one.id].some(has))
    .map((one) => one.at);
}

/** Some places together with those of all spans above them. */
export function withParents(nodes: readonly Node[], places: readonly number[]): Set<number> {
  const all = new Set<number>();
  for (const place of places)
    for (let at: number | null = place; at !== null && !all.has(at); at = nodes[at]?.parent ?? null)
      all.add(at);
  return all;
}

/** The next or previous span with the same parent. */
export function sibling(nodes: readonly Node[], node: Node, step: 1 | -1): Node | undefined {
  if (step === 1) {
    const next = nodes[node.end];
    return next?.parent === node.parent ? next : undefined;
  }
  let before = node.at > 0 ? nodes[node.at - 1] : undefined;
  while (before && before.depth > node.depth)
    before = before.parent === null ? undefined : nodes[before.parent];
  return before && before.parent === node.parent ? before : undefined;
}

/** The next span in reading order that failed, from the start again behind the last. */
export function nextError(nodes: readonly Node[], from: number): Node | undefined {
  for (let step = 1; step <= nodes.length; step++) {
    const node = nodes[(from + step) % nodes.length];
    if (node?.status === "error") return node;
  }
  return undefined;
}
