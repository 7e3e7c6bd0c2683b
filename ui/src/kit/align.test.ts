import { describe, expect, test } from "vitest";
import { aligned } from "./align";
import { columns, type Told } from "./told";
import { grown } from "./tree";

const TOLD: Told[] = [
  ["root", null, 0, 100],
  ["a", 0, 0, 30],
  ["b", 0, 10, 60, "error"],
  ["a1", 1, 5, 10],
  ["c", 0, 75, 20],
  ["late", 4, 80, 90, "error"],
];
const tree = grown(columns(TOLD));
describe("two traces", () => {
  test("are aligned by the spans they share", () => {
    const other = grown(
      columns([
        ["root", null, 0, 90],
        ["b", 0, 0, 50],
        ["c", 0, 60, 20],
        ["new", 0, 80, 5],
      ]),
    );
    const rows = aligned(tree.nodes, other.nodes).map((one) => [one.old?.id, one.now?.id]);
    expect(rows).toEqual([
      ["root", "root"],
      ["a", undefined],
      ["a1", undefined],
      ["b", "b"],
      ["c", "c"],
      ["late", undefined],
      [undefined, "new"],
    ]);
  });
});
