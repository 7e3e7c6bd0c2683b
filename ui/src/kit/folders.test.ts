import { expect, test } from "vitest";
import { counted, folders, isMeant } from "./folders";

const one = (name: string, folder: string, tags: string[] = [], labels = {}) => ({
  name,
  folder,
  tags,
  labels,
  description: "",
});
const ALL = { q: "", folder: "", tag: "", label: "" };

test("folders are a tree with the sizes of what is below", () => {
  const found = folders([
    one("a", "support/mail"),
    one("b", "support"),
    one("c", "support-team"),
    one("d", ""),
  ]);
  expect(found.map(({ path, depth, size }) => [path, depth, size])).toEqual([
    ["support", 0, 2],
    ["support/mail", 1, 1],
    ["support-team", 0, 1],
  ]);
});

test.each([
  [{ folder: "support" }, true],
  [{ folder: "sup" }, false],
  [{ tag: "polite" }, true],
  [{ tag: "rude" }, false],
  [{ label: "production" }, true],
  [{ label: "toString" }, false],
  [{ q: "GREET polite" }, true],
  [{ q: "hello" }, true],
  [{ q: "greet nothing" }, false],
])("a prompt is meant by %o: %s", (asked, meant) => {
  const greeting = one("greeting", "support/mail", ["polite"], { production: 3 });
  expect(isMeant(greeting, { ...ALL, ...asked }, "Say Hello!")).toBe(meant);
});

test("values are counted, the commonest first", () => {
  expect(counted(["b", "a", "b", "c"])).toEqual([
    ["b", 2],
    ["a", 1],
    ["c", 1],
  ]);
});
