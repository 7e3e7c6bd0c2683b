import { expect, test } from "vitest";
import { above, ended, patched } from "./state";

test("parameters are changed together, and empty ones are not written", () => {
  expect(patched("?filter=a&live=1", { live: "", since: "24h" })).toBe("?filter=a&since=24h");
  expect(patched("?filter=a", { filter: "" })).toBe("");
});

test.each(["100%41 & more", "a+b", "#1", "שלום"])("a value comes back as it was: %s", (value) => {
  expect(new URLSearchParams(patched("", { filter: value })).get("filter")).toBe(value);
});

test.each(["a/b", "100%", "%2F", "a b?", "../x"])("an id in a path comes back: %s", (id) => {
  expect(ended(`/sessions/${encodeURIComponent(id)}`)).toBe(id);
});

test("a path that was written by hand is taken as it is", () => {
  expect(ended("/sessions/100%")).toBe("100%");
});

test("a record's page knows the list above it", () => {
  expect(above("/traces/4bf9/diff/1")).toBe("traces");
  expect(above("/traces")).toBe("");
});
