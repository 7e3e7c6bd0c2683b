import { expect, test } from "vitest";
import { both, conditions, has, spelt, term, toggled, tracesOf } from "./filters";

test.each([
  ["gpt-4o", "gpt-4o"],
  ["openai/gpt-4o:latest", "openai/gpt-4o:latest"],
  ["two words", '"two words"'],
  ['say "hi" \\o/', '"say \\"hi\\" \\\\o/"'],
  ["-minus", '"-minus"'],
  ["a,b", '"a,b"'],
  ["", '""'],
  ["OR", "OR"],
])("a value is quoted where it must be: %s", (value, text) => {
  expect(spelt(value)).toBe(text);
});

test("a condition names its field, or the key of one", () => {
  expect(term("status", "error", "ok")).toBe("status:error,ok");
  expect(term("score.helpful", "false")).toBe("score.helpful:false");
  expect(term("score.is it kind?", "false")).toBe('score."is it kind?":false');
  expect(term("name", "two words")).toBe('name="two words"');
});

test("conditions are split where nothing holds them together", () => {
  expect(conditions('a "b c"  (d OR e) user:"x \\" y"')).toEqual([
    "a",
    '"b c"',
    "(d OR e)",
    'user:"x \\" y"',
  ]);
});

test("two filters hold both, and an OR stays together", () => {
  expect(both("", "since:24h")).toBe("since:24h");
  expect(both("a OR b", "since:24h")).toBe("(a OR b) since:24h");
  expect(both("a OR b", " ")).toBe("a OR b");
});

test("a condition is added once, taken out again, and takes its opposite away", () => {
  const once = toggled("model:a", "status:error");
  expect(once).toBe("model:a status:error");
  expect(has(once, "status:error")).toBe(true);
  expect(toggled(once, "status:error")).toBe("model:a");
  expect(toggled(once, "-status:error")).toBe("model:a -status:error");
  expect(toggled("a OR b", "status:error")).toBe("(a OR b) status:error");
});

test("the address of traces leaves out what is empty", () => {
  expect(tracesOf("a b", { since: "24h", until: "" })).toBe("/traces?filter=a+b&since=24h");
});
