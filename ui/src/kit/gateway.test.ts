import { expect, test } from "vitest";
import { added, byRoute, listed, roughly, shared } from "./gateway";

const row = (route: string, status: string, requests: number, more = {}) => ({
  route,
  status,
  requests,
  retried: 0,
  cost_usd: "0.1",
  unpriced: 0,
  cache_hits: 1,
  cache_misses: 2,
  saved_usd: "0E-9",
  ...more,
});

test("what was refused is neither an error nor an answer", () => {
  const sums = added([row("a", "ok", 5), row("a", "error", 2), row("", "rate_limited", 3)]);
  expect([sums.requests, sums.errors, sums.refused]).toEqual([10, 2, 3]);
  expect(sums.saved_usd).toBe(0);
  expect(sums.cost_usd).toBeCloseTo(0.3);
});

test("figures are added up by route", () => {
  const found = byRoute([
    row("a", "ok", 5, { retried: 1 }),
    row("b", "ok", 1),
    row("a", "error", 2),
  ]);
  expect([...found.keys()]).toEqual(["a", "b"]);
  expect(found.get("a")).toMatchObject({ requests: 7, retried: 1, hits: 2 });
});

test.each([
  ["docs@2", null, [], "docs@2"],
  [null, null, [], ""],
  ["docs@2", { release: "docs@3", share: 0.05 }, [], "docs@3 5 %, docs@2 the rest"],
  [null, { release: "docs@1", share: 0.5 }, [], "docs@1 50 %, its own models the rest"],
  [
    "a@1",
    null,
    [
      { release: "a@1", share: 0.75 },
      { release: null, share: 0.25 },
    ],
    "a@1 75 %, its own models 25 %",
  ],
])("who answers by %s is said in words", (main, canary, split, text) =>
  expect(shared(main, canary, split)).toBe(text));

test("a list in a field is what stands between its commas", () => {
  expect(listed(" openai/*, docs ,")).toEqual(["openai/*", "docs"]);
  expect(listed(" ")).toBeNull();
});

test.each([
  [-1, "0 s"],
  [39_001, "40 s"],
  [452_000, "8 min"],
  [49_800_000, "14 h"],
  [741_000_000, "9 d"],
])("%d ms are roughly %s", (ms, text) => expect(roughly(ms)).toBe(text));
