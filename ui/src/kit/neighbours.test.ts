import { expect, test } from "vitest";
import { neighbours, remember } from "./neighbours";

test("a row of the list has one before and one after it, except at the ends", () => {
  const search = "?filter=kind:llm";
  remember(["a", "b", "c"], search);
  expect(neighbours("a")).toEqual({ before: null, after: "b", place: 1, of: 3, search });
  expect(neighbours("b")).toEqual({ before: "a", after: "c", place: 2, of: 3, search });
  expect(neighbours("c")).toEqual({ before: "b", after: null, place: 3, of: 3, search });
});

test("what no list had has no neighbours, and the list that was shown last counts", () => {
  remember(["a", "b"]);
  expect(neighbours("c")).toBeNull();
  remember(["c"]);
  expect(neighbours("a")).toBeNull();
  expect(neighbours("c")).toEqual({ before: null, after: null, place: 1, of: 1, search: "" });
});
