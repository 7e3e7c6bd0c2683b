import { describe, expect, test } from "vitest";
import { critical } from "./critical";
import { columns, type Told } from "./told";
import { grown, matches, nextError, shown, sibling, withParents } from "./tree";

const TOLD: Told[] = [
  ["root", null, 0, 100],
  ["a", 0, 0, 30],
  ["b", 0, 10, 60, "error"],
  ["a1", 1, 5, 10],
  ["c", 0, 75, 20],
  ["late", 4, 80, 90, "error"],
];
const tree = grown(columns(TOLD));
const names = (nodes: readonly { id: string }[]) => nodes.map((one) => one.id);
const node = (id: string) => tree.nodes[tree.places.get(id) ?? -1] ?? fail(id);
const fail = (id: string): never => {
  throw new Error(`no ${id}`);
};

describe("a tree", () => {
  test("has parents before children, and siblings by their start", () => {
    expect(names(tree.nodes)).toEqual(["root", "a", "a1", "b", "c", "late"]);
    expect(tree.nodes.map((one) => one.depth)).toEqual([0, 1, 2, 1, 1, 2]);
    expect(tree.nodes.map((one) => one.end)).toEqual([6, 3, 3, 4, 6, 6]);
    expect(tree.nodes.map((one) => one.parent)).toEqual([null, 0, 1, 0, 0, 4]);
    expect(tree.duration_us).toBe(170);
    expect(node("b")).toMatchObject({ tokens: 3, cost_usd: 0.5, status: "error", lost: false });
    expect(node("root").cost_usd).toBeNull();
  });
  test("may be 20,000 spans deep, or wide", () => {
    const deep = Array.from({ length: 20_000 }, (_, n): Told => [`${n}`, n ? n - 1 : null, n, 5]);
    const wide = deep.map(([name], n): Told => [name, n ? 0 : null, n, 5]);
    const grows = grown(columns(deep));
    expect(grows.nodes.at(-1)).toMatchObject({ depth: 19_999, end: 20_000 });
    expect(grows.nodes[0]?.end).toBe(20_000);
    expect(grown(columns(wide)).nodes[0]?.end).toBe(20_000);
    expect(critical(grows).size).toBeGreaterThan(0);
  });
  test("is shown without what is folded, and with a search only what was found and above it", () => {
    expect(names(shown(tree.nodes, new Set(["a"])))).toEqual(["root", "a", "b", "c", "late"]);
    expect(shown(tree.nodes, new Set(["root"]))).toHaveLength(1);
    const found = withParents(tree.nodes, matches(tree.nodes, "LATE"));
    expect(names(shown(tree.nodes, new Set(["c"]), found))).toEqual(["root", "c", "late"]);
    expect(matches(tree.nodes, "  ")).toEqual([]);
  });
  test("is walked by siblings and by errors", () => {
    expect(sibling(tree.nodes, node("a"), 1)?.id).toBe("b");
    expect(sibling(tree.nodes, node("c"), -1)?.id).toBe("b");
    expect(sibling(tree.nodes, node("b"), -1)?.id).toBe("a");
    expect(sibling(tree.nodes, node("a"), -1)).toBeUndefined();
    expect(sibling(tree.nodes, node("late"), 1)).toBeUndefined();
    expect(sibling(tree.nodes, node("root"), 1)).toBeUndefined();
    expect(nextError(tree.nodes, 0)?.id).toBe("b");
    expect(nextError(tree.nodes, node("b").at)?.id).toBe("late");
    expect(nextError(tree.nodes, node("late").at)?.id).toBe("b");
    expect(nextError(grown(columns([["root", null, 0, 1]])).nodes, 0)).toBeUndefined();
  });
});
