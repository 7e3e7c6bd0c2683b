import { expect, test } from "vitest";
import { head, pieces, visible } from "./visible";

test.each([
  ["plain\ttext\n", "plain\ttext\n"],
  ["a\u202eb", "a⟨202E⟩b"],
  ["a\u0000b\u001b[31m", "a⟨0000⟩b⟨001B⟩[31m"],
  ["a\u200bb", "a⟨200B⟩b"],
  ["a\u{e0041}b", "a⟨E0041⟩b"],
  ["\ud800", "⟨D800⟩"],
  ["👨‍👩‍👧 می‌خواهم עברית", "👨‍👩‍👧 می‌خواهم עברית"],
])("%j is shown as %j", (text, shown) => expect(visible(text)).toBe(shown));

test("a text is cut at a whole character", () => {
  expect(head("a🙂b", 2)).toBe("a");
  expect(head("a🙂b", 3)).toBe("a🙂");
  expect(head("ab", 9)).toBe("ab");
});

test.each([
  "",
  "short words here",
  `a ${"b".repeat(2_000)} c`,
  "🙂".repeat(1_501),
])("a text is its pieces, none of which is one long word", (text) => {
  const found = pieces(text);
  expect(found.join("")).toBe(text);
  for (const piece of found)
    for (const word of piece.split(/\s/)) expect([...word].length).toBeLessThanOrEqual(500);
  expect(found.every((piece) => !/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(piece))).toBe(true);
});
