import { expect, test } from "vitest";
import { around, between, change, changeBetween, coverage, said, unitOf, way } from "./measure";

const figure = (value: number | null, low: number | null, high: number | null, method = "") => ({
  value,
  low,
  high,
  n: 3,
  total: 4,
  method,
});

test.each([
  ["latency", [figure(49, 1, 90)], true, "ms"],
  ["cost", [figure(0, null, null)], false, "usd"],
  ["right", [figure(1, 0.9, 1, "Wilson over 3 clusters")], false, "share"],
  ["f1", [figure(0.2, 0.1, 0.3)], true, "share"],
  ["bias", [figure(0.2, 0.1, 0.3)], false, "number"],
  ["length", [figure(210, 1, 300)], true, "number"],
  ["nothing", [figure(null, null, null)], true, "number"],
] as const)("%s has its unit", (metric, figures, higher, unit) =>
  expect(unitOf(metric, figures, { higher })).toBe(unit));

test("numbers are said with their unit", () => {
  expect(said(0.5126, "share")).toBe("51.3 %");
  expect(said(49.1, "ms")).toBe("49.1 ms");
  expect(said(null, "usd")).toBe("–");
  expect(change(0.07, "share")).toBe("+7.0 points");
  expect(change(-1500, "ms")).toBe("−1.5 s");
  expect(change(0, "share")).toBe("±0.0 points");
});

test("intervals are said in their unit, and not where there is none", () => {
  expect(between(figure(0.5, 0.423, 0.602), "share")).toBe("42.3 to 60.2 %");
  expect(between(figure(0.5, null, null), "share")).toBe("");
  expect(changeBetween(figure(0, -0.021, 0.119), "share")).toBe("−2.1 to +11.9 points");
  expect(changeBetween(figure(0, -3, 4), "number")).toBe("−3 to +4");
});

test("a difference is proved where its interval leaves zero out", () => {
  expect(way(figure(2, 1, 3), true)).toBe("better");
  expect(way(figure(2, 1, 3), false)).toBe("worse");
  expect(way(figure(0, -1, 3), true)).toBe("open");
  expect(way(figure(0, null, null), true)).toBe("open");
});

test("a line reaches as far as its furthest end", () => {
  expect(around([figure(0.1, -0.3, 0.2), figure(null, null, null)])).toBe(0.3);
  expect(coverage(figure(1, 1, 1))).toBe(0.75);
});
