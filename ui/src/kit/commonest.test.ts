import { expect, test } from "vitest";
import { commonest } from "./commonest";

test.each([
  [[], []],
  [["exact"], ["exact"]],
  [
    ["exact", "f1", "f1", "cost"],
    ["f1", "exact", "cost"],
  ],
])("of %j the commonest first", (words, ordered) => {
  expect(commonest(words)).toEqual(ordered);
});
