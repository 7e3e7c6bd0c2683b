import { expect, test } from "vitest";
import { beginning } from "./beginning";

test("a text begins with its first lines, a very long one counted as several", () => {
  const lines = Array.from({ length: 40 }, (_, n) => `line ${n}`).join("\n");
  expect(beginning(lines, 3)).toBe("line 0\nline 1\nline 2\n");
  expect(beginning("a".repeat(5_000), 3)).toHaveLength(330);
  expect(beginning(`short\n${"a".repeat(5_000)}`, 3)).toHaveLength(6 + 220);
});

test("a text of which little would be left is shown whole", () => {
  expect(beginning("a\nb\nc\nd", 3)).toBe("a\nb\nc\nd");
  expect(beginning("", 3)).toBe("");
});
