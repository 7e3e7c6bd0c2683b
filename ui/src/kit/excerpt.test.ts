import { expect, test } from "vitest";
import { excerpt } from "./excerpt";

test("an excerpt begins shortly before the first change", () => {
  const same = "the same words over and over ".repeat(10);
  const parts = excerpt(`${same}port 8321`, `${same}port 8080`, 200);
  expect(parts[0]?.text.startsWith("… ")).toBe(true);
  expect(parts.map((part) => [part.side, part.text.slice(-4)])).toEqual([
    ["both", "ort "],
    ["old", "8321"],
    ["new", "8080"],
  ]);
});

test("an excerpt has no more characters than it may", () => {
  const [only] = excerpt("", "x".repeat(9_000), 50);
  expect(only).toEqual({ side: "new", text: `${"x".repeat(50)}… ` });
});

test("texts that are the same are shown from their beginning", () => {
  expect(excerpt("as it was", "as it was", 50)).toEqual([{ text: "as it was", side: "both" }]);
});

test("of two long texts that are unlike both are seen", () => {
  const parts = excerpt("gone ".repeat(100), "come ".repeat(100), 60);
  expect(parts.map((part) => [part.side, part.text.length])).toEqual([
    ["old", 32],
    ["new", 30],
  ]);
});
