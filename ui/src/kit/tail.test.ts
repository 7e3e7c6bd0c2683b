import { expect, test } from "vitest";
import { joined } from "./tail";

const key = (row: { id: string }) => row.id;
const row = (id: string, version = 1) => ({ id, version });

test("newcomers come first and replace what they were", () => {
  expect(joined([row("b", 2), row("c")], [row("a"), row("b")], key)).toEqual([
    row("b", 2),
    row("c"),
    row("a"),
  ]);
});

test("of too many the oldest go", () => {
  expect(joined([row("c"), row("b")], [row("a")], key, 2).map(key)).toEqual(["c", "b"]);
});
