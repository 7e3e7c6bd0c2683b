import { expect, test } from "vitest";
import { read, together, type VariableType, wantedOf, written } from "./values";

const one = (type: VariableType | null, required = true) => [
  { name: "x", type, required, fallback: "", description: "" },
];

test.each<[VariableType | null, string, unknown]>([
  [null, "12", "12"],
  ["string", "true", "true"],
  ["number", "1.5", 1.5],
  ["integer", "3", 3],
  ["boolean", "false", false],
  ["array", "[1, 2]", [1, 2]],
  ["object", '{"a": null}', { a: null }],
])("a value of type %s is read: %s", (type, text, value) => {
  expect(read(one(type), { x: text })).toEqual({ values: { x: value }, wrong: {}, missing: [] });
});

test.each<[VariableType, string]>([
  ["number", "three"],
  ["integer", "1.5"],
  ["boolean", "yes"],
  ["array", '{"a": 1}'],
  ["object", "[1]"],
  ["object", "null"],
  ["object", "{"],
])("what is no %s is told: %s", (type, text) => {
  const found = read(one(type), { x: text });
  expect(found.values).toEqual({});
  expect(found.wrong.x).toMatch(/^Write /);
});

test("what is empty is missing, unless it need not be there", () => {
  expect(read(one("string"), {}).missing).toEqual(["x"]);
  expect(read(one("string", false), {})).toEqual({ values: {}, wrong: {}, missing: [] });
});

test("a declared variable is asked for as declared, another as it comes", () => {
  const days = { name: "days", type: "integer" as const, required: false, default: 3 };
  const wanted = wantedOf(["city", "days"], [{ ...days, description: "" }]);
  expect(wanted.map((w) => [w.name, w.type, w.required, w.fallback])).toEqual([
    ["city", null, true, ""],
    ["days", "integer", false, "3"],
  ]);
});

test("several prompts ask once, as the one that knows most", () => {
  const [city] = wantedOf(["x"], []);
  const [typed] = one("integer", false);
  if (!city || !typed) throw new Error("both are there");
  expect(together([[city], [typed]])).toEqual([typed]);
  expect(together([[typed], [city]])).toEqual([{ ...typed, required: true }]);
});

test.each([
  ["text", "text"],
  [[1], "[1]"],
  [null, ""],
  [0, "0"],
])("a value is written: %s", (value, text) => {
  expect(written(value)).toBe(text);
});
