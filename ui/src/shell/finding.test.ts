import { expect, test } from "vitest";
import { found, inOrder } from "./finding";

const page = (title: string) => ({
  path: `/${title.toLowerCase()}`,
  title,
  group: "Observe" as const,
  load: () => Promise.reject(new Error("not asked for")),
});

test("letters in their order find a page, an id finds its trace, the rest is a filter", () => {
  const pages = [page("Traces"), page("Sessions")];
  const id = "0123456789abcdef0123456789abcdef";
  expect(found("tr", pages).map((one) => one.href)).toEqual(["/traces", "/traces?filter=tr"]);
  expect(found(id, pages)[0]?.href).toBe(`/traces/${id}`);
  expect(found("status:error", []).at(-1)?.href).toBe("/traces?filter=status%3Aerror");
  expect(inOrder("tcs", "traces")).toBe(true);
  expect(inOrder("ts", "set")).toBe(false);
});

test("pages below others and records are found by their names", () => {
  const { group: _, ...below } = { ...page("Keys"), path: "/gateway/keys" };
  const { group: __, ...one } = { ...page("Key"), path: "/gateway/keys/:id" };
  const pages = [page("Gateway"), below, one];
  const records = [{ title: "Weather", detail: "prompt", href: "/prompts/Weather" }];
  expect(found("keys", pages)[0]).toEqual({
    title: "Keys",
    detail: "Gateway",
    href: "/gateway/keys",
  });
  expect(found("weath", pages, records).map((entry) => entry.href)).toEqual([
    "/prompts/Weather",
    "/traces?filter=weath",
  ]);
  expect(found("", pages, records).map((entry) => entry.href)).toEqual(["/gateway"]);
});
