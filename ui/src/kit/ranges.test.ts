import { expect, test } from "vitest";
import * as ranges from "./ranges";

const NOW = Date.UTC(2026, 10, 22, 12) / 1_000;
const HOUR = 3_600;

test.each([
  [
    { since: "24h", until: "" },
    { from: NOW - 24 * HOUR, to: NOW },
  ],
  [
    { since: "2026-11-22T10:00:00Z", until: "1h" },
    { from: NOW - 2 * HOUR, to: NOW - HOUR },
  ],
  [
    { since: "2026-11-22", until: "" },
    { from: NOW - 12 * HOUR, to: NOW },
  ],
  [
    { since: "2026-11-22T10:00", until: "" },
    { from: NOW - 2 * HOUR, to: NOW },
  ],
  [{ since: "", until: "1h" }, null],
  [{ since: "soon", until: "" }, null],
  [{ since: "1h", until: "2h" }, null],
])("ends of %j", (range, found) => {
  expect(ranges.ends(range, NOW)).toEqual(found);
});

test("a range that stays reads back as the same ends", () => {
  const period = { from: NOW - 90, to: NOW };
  expect(ranges.ends(ranges.fixed(period), NOW + 999)).toEqual(period);
});

test("periods are moved by their length, and made longer up to now", () => {
  const period = { from: NOW - 2 * HOUR, to: NOW - HOUR };
  expect(ranges.shifted(period, -1)).toEqual({ from: NOW - 3 * HOUR, to: NOW - 2 * HOUR });
  expect(ranges.shifted(period, 1)).toEqual({ from: NOW - HOUR, to: NOW });
  expect(ranges.widened(period, NOW)).toEqual({ from: NOW - 2.5 * HOUR, to: NOW - 0.5 * HOUR });
  expect(ranges.widened({ from: NOW - HOUR, to: NOW }, NOW).to).toBe(NOW);
});

test.each([
  60,
  HOUR,
  24 * HOUR,
  30 * 24 * HOUR,
  3 * 366 * 24 * HOUR,
])("steps of %d seconds are few and round", (length) => {
  const period = { from: NOW - length, to: NOW };
  const step = ranges.stepOf(period, 60);
  const starts = ranges.starts(period, step);
  expect(starts.length).toBeLessThanOrEqual(61);
  expect(starts.length).toBeGreaterThan(15);
  expect(starts[0]).toBeLessThanOrEqual(period.from);
  expect((starts.at(-1) ?? 0) + step).toBeGreaterThanOrEqual(period.to);
});

test("records are fitted by the shortest usual period that has some", () => {
  const hour = (ago: number) => NOW - ago * HOUR;
  expect(ranges.fitted([], NOW)).toBeNull();
  expect(ranges.fitted([hour(300), hour(5), hour(3)], NOW)).toEqual({ from: hour(5), to: hour(2) });
  expect(ranges.fitted([hour(300), hour(100)], NOW)).toEqual({ from: hour(100), to: hour(99) });
  expect(ranges.fitted([hour(9_000), hour(8_000)], NOW)).toEqual({
    from: hour(9_000),
    to: hour(7_999),
  });
});

test("what is shown of all records is said unless it is all of them", () => {
  const hour = (ago: number) => NOW - ago * HOUR;
  const whole = ranges.extent([hour(84), hour(30), hour(2)], NOW);
  expect(whole).toEqual({ from: hour(84), to: hour(1) });
  expect(ranges.extent([], NOW)).toBeNull();
  expect(ranges.extent([hour(0.5)], NOW)).toEqual({ from: hour(0.5), to: NOW });
  const of = { from: hour(84), to: NOW };
  expect(ranges.part({ from: hour(24), to: NOW }, of)).toBe("last 24 h of 3.5 days");
  expect(ranges.part({ from: hour(24) + 600, to: NOW }, { from: hour(24), to: NOW })).toBe("");
  expect(ranges.part({ from: hour(0.5), to: NOW }, of)).toBe("last 30 min of 3.5 days");
});

test("a label says the day where a period is of more than one", () => {
  const night = new Date(2026, 10, 22, 0, 30).getTime() / 1_000; // half past midnight, here
  const around = { from: night - HOUR, to: night + HOUR };
  expect(ranges.isOneDay(around)).toBe(false);
  expect(ranges.isOneDay({ from: night, to: night + 23.5 * HOUR })).toBe(true);
  expect(ranges.label(night, 2 * HOUR, false)).toBe("22 Nov, 00:30");
  expect(ranges.label(night, 2 * HOUR)).toBe("00:30");
});

test("marks of a chart are no finer than their labels", () => {
  expect(Math.min(...ranges.stepsOf(0.1))).toBe(1);
  expect(Math.min(...ranges.stepsOf(HOUR))).toBe(60);
  expect(Math.min(...ranges.stepsOf(30 * 24 * HOUR))).toBe(24 * HOUR);
});

test("a range is a condition of a filter", () => {
  expect(ranges.condition({ since: "24h", until: "" })).toBe("since:24h");
  expect(ranges.condition({ since: "2d", until: "1d" })).toBe("since:2d until:1d");
  expect(ranges.condition(ranges.ANY)).toBe("");
});
