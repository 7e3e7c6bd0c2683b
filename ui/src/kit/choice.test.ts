import { expect, test } from "vitest";
import { chosenOf } from "./choice";

test("a view is found whatever the case of its name; what names none is the first", () => {
  const names = ["Summary", "Answers"] as const;
  expect(chosenOf(names, "answers")).toBe("Answers");
  expect(chosenOf(names, "Answers")).toBe("Answers");
  expect(chosenOf(names, "no such view")).toBe("Summary");
  expect(chosenOf(names, "")).toBe("Summary");
});
