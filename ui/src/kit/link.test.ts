import { expect, test } from "vitest";
import { added, fresh } from "./board";
import { boardOf, decoded, encoded } from "./link";

test("a board comes back from a link as it was, whatever is in it", () => {
  const board = { ...added(fresh("openai/gpt")), values: { "naïve ‮": "🙂 & = # \0" } };
  expect(decoded(encoded(board))).toEqual(board);
  expect(encoded(board)).toMatch(/^[\w-]+$/);
});

test("a board that is too long makes no link", () => {
  expect(encoded({ ...fresh("m"), values: { x: "a".repeat(70_000) } })).toBe("");
});

test.each([
  "",
  "%%%",
  "bm90IGpzb24",
  btoa("[]"),
  btoa('{"columns": []}'),
])("what is no board is none: %s", (text) => {
  expect(decoded(text)).toBeNull();
});

test("a board of somebody else is read, never trusted", () => {
  const found = boardOf({
    columns: [{ id: 7, model: { a: 1 }, words: [{ text: 1 }, "x"], declared: [{ name: "n" }] }],
    values: { a: 1 },
    turns: "none",
    more: true,
  });
  expect(found).toEqual({
    columns: [
      {
        id: "A",
        model: "",
        prompt: "",
        words: [{ role: "user", text: "", isJson: false }],
        isTemplate: true,
        syntax: "jinja",
        declared: [],
        parameters: "",
        tools: "",
        schema: "",
      },
    ],
    values: { a: "" },
    turns: [],
  });
  expect(boardOf({ columns: [{ id: "A" }, { id: "A" }] })).toBeNull();
});
