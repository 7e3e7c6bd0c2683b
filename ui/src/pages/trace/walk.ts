/** Walking over a tree by keys. */
import { useCallback } from "react";
import type { Stretch } from "@/kit/critical";
import { useKeys } from "@/kit/keys";
import { zoomed } from "@/kit/ruler";
import { type Node, nextError, sibling, type Tree } from "@/kit/tree";

interface Walked {
  tree: Tree;
  chosen: Node;
  rows: readonly Node[];
  /** Of the chosen span among the rows. */
  row: number;
  folded: ReadonlySet<string>;
  setFolded: (change: (before: ReadonlySet<string>) => ReadonlySet<string>) => void;
  zoom: Stretch | null;
  setZoom: (to: Stretch | null) => void;
  onChoose: (id: string) => void;
  onSearch: () => void;
}

const PAGE = 20;

export function useWalk(walked: Walked) {
  const { tree, chosen, rows, row, folded, setFolded, onChoose } = walked;
  const fold = useCallback(
    (node: Node) =>
      setFolded((before) => {
        const next = new Set(before);
        if (!next.delete(node.id)) next.add(node.id);
        return next;
      }),
    [setFolded],
  );
  const to = (node: Node | undefined) => {
    if (!node) return;
    unfoldAbove(node);
    onChoose(node.id);
  };
  const unfoldAbove = (node: Node) => {
    const above: string[] = [];
    for (let at = node.parent; at !== null; at = tree.nodes[at]?.parent ?? null)
      above.push(tree.nodes[at]?.id ?? "");
    if (above.some((id) => folded.has(id)))
      setFolded((before) => new Set([...before].filter((id) => !above.includes(id))));
  };
  const step = (by: number) =>
    to(rows[Math.min(Math.max((row < 0 ? 0 : row) + by, 0), rows.length - 1)]);
  const hasBelow = chosen.end > chosen.at + 1;
  const out = () => {
    if (hasBelow && !folded.has(chosen.id)) fold(chosen);
    else if (chosen.parent !== null) to(tree.nodes[chosen.parent]);
  };
  const into = () => {
    if (hasBelow && folded.has(chosen.id)) fold(chosen);
    else if (hasBelow) to(tree.nodes[chosen.at + 1]);
  };
  const about = chosen.start_us + chosen.duration_us / 2;
  const view = walked.zoom ?? ([0, tree.duration_us] as const);
  useKeys([
    { keys: "j", does: "next span", run: () => step(1) },
    { keys: "k", does: "span before", run: () => step(-1) },
    { keys: "l", does: "open the span's branch, or go into it", run: into },
    { keys: "h", does: "close the span's branch, or leave it", run: out },
    { keys: "]", does: "next sibling", run: () => to(sibling(tree.nodes, chosen, 1)) },
    { keys: "[", does: "sibling before", run: () => to(sibling(tree.nodes, chosen, -1)) },
    { keys: "e", does: "next error", run: () => to(nextError(tree.nodes, chosen.at)) },
    { keys: "/", does: "find in the tree", run: walked.onSearch },
    { keys: "z", does: "zoom to the span", run: () => walked.setZoom(around(chosen, tree)) },
    {
      keys: "+",
      does: "zoom in",
      run: () => walked.setZoom(zoomed(view, about, 0.5, tree.duration_us)),
    },
    {
      keys: "-",
      does: "zoom out",
      run: () => walked.setZoom(zoomed(view, about, 2, tree.duration_us)),
    },
    { keys: "0", does: "show the whole trace", run: () => walked.setZoom(null) },
  ]);
  const onKey = (event: React.KeyboardEvent) => {
    const does: Record<string, () => void> = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      ArrowRight: into,
      ArrowLeft: out,
      PageDown: () => step(PAGE),
      PageUp: () => step(-PAGE),
      Home: () => to(rows[0]),
      End: () => to(rows.at(-1)),
    };
    const run = does[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  };
  /** The next match of a search in reading order, or the one before. */
  const toMatch = (found: readonly number[], by: 1 | -1) => {
    const next =
      by === 1
        ? (found.find((at) => at > chosen.at) ?? found[0])
        : (found.findLast((at) => at < chosen.at) ?? found.at(-1));
    if (next !== undefined) to(tree.nodes[next]);
  };
  return { fold, onKey, toMatch };
}

/** A stretch with the span in its middle and a tenth of room at either side. */
function around(node: Node, tree: Tree): Stretch {
  const room = Math.max(node.duration_us / 10, 1);
  const to = Math.min(tree.duration_us, node.start_us + node.duration_us + room);
  return [Math.max(0, node.start_us - room), to];
}
