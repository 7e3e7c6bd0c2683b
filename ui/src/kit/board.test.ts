import { expect, test } from "vitest";
import {
  added,
  BLANK,
  type Column,
  fresh,
  lineOf,
  messageOf,
  ready,
  wanted,
  withMember,
  without,
} from "./board";
import { wantedOf } from "./values";

const user = { role: "user", text: "Hello {{ name }}", isJson: false };
const column = (change: Partial<Column>): Column => ({ ...BLANK, model: "m", ...change });

test("a column is added beside the one it is like, under a letter that is free", () => {
  let board = added(added(fresh("m")));
  expect(board.columns.map((one) => one.id)).toEqual(["A", "B", "C"]);
  board = without(board, "B");
  board = added(board, board.columns[0]);
  expect(board.columns.map((one) => one.id)).toEqual(["A", "B", "C"]);
  for (let n = 0; n < 20; n++) board = added(board);
  expect(board.columns.length).toBe(16);
  expect(new Set(board.columns.map((one) => one.id)).size).toBe(16);
});

test.each([
  ["a template", { words: [user] }, { draft: [user.text], messages: ["ask"] }],
  ["words as they stand", { words: [user], isTemplate: false }, { messages: [user.text, "ask"] }],
  ["a stored prompt", { prompt: "p@1", words: [user] }, { prompt: "p@1", messages: ["ask"] }],
  ["no words", { words: [{ ...user, text: " " }] }, { messages: ["ask"] }],
])("what is sent of %s", (_, change, found) => {
  const { sent } = ready(column(change), [{ role: "user", text: "ask", isJson: false }], {});
  const texts = (list: { content: unknown }[]) => list.map((one) => one.content);
  expect({
    ...(sent?.prompt ? { prompt: sent.prompt } : {}),
    ...(sent?.draft ? { draft: texts(sent.draft.messages) } : {}),
    messages: texts(sent?.messages ?? []),
  }).toEqual(found);
});

test.each([
  [{ model: "" }, "Choose a model."],
  [{ words: [] }, "Write a message."],
  [{ words: [user], parameters: "[]" }, "The parameters are no JSON object."],
  [{ words: [user], schema: "{" }, "The schema is no JSON object."],
  [{ words: [user], tools: "{}" }, "The tools are no JSON list of objects."],
  [{ words: [{ ...user, isJson: true }] }, "One of the messages is no JSON object with a role."],
])("what keeps a column from being sent is said: %o", (change, why) => {
  const found = ready(column({ words: [user], ...change }), [], {});
  expect(found.sent).toBeNull();
  expect(found.wrong).toContain(why);
});

test("a variable that is written beside declared ones is declared as well", () => {
  const declared = [{ name: "city", type: "integer" as const, required: false, description: "" }];
  const names = (change: Partial<Column>) =>
    ready(column({ words: [user], ...change }), [], {}).sent?.draft?.declared.map((d) => d.name);
  expect(names({ declared })).toEqual(["city", "name"]);
  expect(names({ declared: [] })).toEqual([]);
});

test("a message that is more than text is edited as JSON, and comes back as it was", () => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const message = { role: "assistant", content: null, tool_calls: [call] };
  const line = lineOf({ ...message, name: null, tool_call_id: null });
  expect(line.isJson).toBe(true);
  expect(messageOf(line)).toEqual(message);
  expect(lineOf({ role: "user", content: "hi", tool_calls: [] }).isJson).toBe(false);
});

test("the variables are those of all columns that are templates", () => {
  const stored = new Map([["p@1", wantedOf(["city"], [])]]);
  const board = {
    columns: [
      column({ id: "A", words: [user] }),
      column({ id: "B", prompt: "p@1" }),
      column({ id: "C", words: [{ ...user, text: "{{ other }}" }], isTemplate: false }),
    ],
    values: {},
    turns: [],
  };
  expect(wanted(board, stored).map((one) => one.name)).toEqual(["name", "city"]);
});

test("a parameter is set and taken out in its JSON; what is no JSON stays as it is", () => {
  const set = withMember("", "temperature", 0.5);
  expect(JSON.parse(set)).toEqual({ temperature: 0.5 });
  expect(withMember(set, "temperature", "")).toBe("");
  expect(withMember("{", "temperature", 1)).toBe("{");
});
