import { expect, test } from "vitest";
import { flat, sized } from "./settings";

const TREE = {
  port: 8321,
  tls: null,
  limits: { drain_s: 30 },
  providers: [
    { name: "far", models: ["a", "b"] },
    { name: "near", models: [] },
  ],
  corpora: [],
};

test("every value is a line under the name that the file has for it", () => {
  expect(flat(TREE, {}).map((one) => [one.key, one.value])).toEqual([
    ["port", "8321"],
    ["tls", ""],
    ["limits.drain_s", "30"],
    ["providers[0].name", "far"],
    ["providers[0].models", "a, b"],
    ["providers[1].name", "near"],
    ["providers[1].models", ""],
    ["corpora", ""],
  ]);
});

test("a value without an origin of its own has that of what it is in", () => {
  const origins = { port: "--port", providers: "TRIMTAB_PROVIDERS", "providers[1].name": "a:3" };
  const found = Object.fromEntries(flat(TREE, origins).map((one) => [one.key, one.origin]));
  expect(found.port).toBe("--port");
  expect(found["providers[0].models"]).toBe("TRIMTAB_PROVIDERS");
  expect(found["providers[1].name"]).toBe("a:3");
  expect(found["limits.drain_s"]).toBe("");
});

test("nothing has no lines", () => {
  expect(flat({}, {})).toEqual([]);
  expect(flat(undefined, {})).toEqual([]);
});

test.each([
  ["limits.body_bytes", "20971520", "20 MiB"],
  ["a_bytes", "1610612736", "1.5 GiB"],
  ["a_bytes", "1023", ""],
  ["a_bytes", "", ""],
  ["port", "20971520", ""],
])("of %s %s the size in words is %s", (key, value, said) => {
  expect(sized({ key, value, origin: "" })).toBe(said);
});
