import { expect, test } from "vitest";
import { many } from "./plural";

test("one is one, and none and many are many", () => {
  expect([0, 1, 2].map((size) => many(size, "row"))).toEqual(["0 rows", "1 row", "2 rows"]);
  expect([1, 2].map((size) => many(size, "match", "matches"))).toEqual(["1 match", "2 matches"]);
});
