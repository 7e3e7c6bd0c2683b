import { describe, expect, test } from "vitest";
import { type Label, labels, marks, placed, zoomed } from "./ruler";

describe("a ruler", () => {
  test("has round marks, and no more than asked for", () => {
    expect(marks([0, 1_000], 5)).toEqual([0, 200, 400, 600, 800, 1_000]);
    expect(marks([130, 470], 4)).toEqual([200, 300, 400]);
    expect(marks([5, 5], 4)).toEqual([]);
    expect(marks([0, 300e6], 3)).toEqual([0, 120e6, 240e6]);
    expect(marks([0, 50 * 3600e6], 3)).toEqual([0, 20 * 3600e6, 40 * 3600e6]);
  });
  test.each([40, 90, 160, 230, 400, 900])("on %d px has labels that do not touch", (width) => {
    const ms = (us: number) => `${us / 1_000} ms`;
    const wide = (text: string) => 7 * text.length;
    const box = (one: Label): [number, number] => {
      const line = (one.at * width) / 100;
      return one.isBefore ? [line - wide(one.text), line] : [line, line + wide(one.text)];
    };
    for (const whole of [3, 108e3, 499e3, 500e3, 501e3, 31e6, 7_300e6]) {
      const found = labels([0, whole], width, ms, wide);
      expect(found.length).toBeGreaterThan(0);
      found.map(box).forEach(([from, to], index) => {
        expect(from).toBeGreaterThanOrEqual(index ? (box(found[index - 1] as Label)[1] ?? 0) : 0);
        expect(to).toBeLessThanOrEqual(Math.max(width, wide(found[index]?.text ?? "")));
      });
    }
  });
  test("does not say the same twice where it is looked at closely", () => {
    const found = labels(
      [1_234e3, 1_234.8e3],
      300,
      (us) => `${(us / 1e6).toFixed(3)} s`,
      () => 40,
    );
    expect(found.map((one) => one.text)).toEqual(["1.234 s", "1.235 s"]);
  });
  test("has more labels where there is more room", () => {
    const on = (width: number) => labels([0, 108e3], width, String, () => 40).length;
    expect([on(100), on(200), on(600)]).toEqual([2, 3, 6]);
  });
  test("places a stretch in per cent of the view", () => {
    expect(placed([20, 60], [0, 200])).toEqual({ left: 10, width: 20 });
    expect(placed([20, 60], [40, 80])).toEqual({ left: 0, width: 50 });
    expect(placed([20, 60], [61, 80])).toBeNull();
    expect(placed([5, 5], [0, 10])).toEqual({ left: 50, width: 0 });
  });
  test("zooms about a place and stays within the trace", () => {
    expect(zoomed([0, 100], 50, 0.5, 100)).toEqual([25, 75]);
    expect(zoomed([0, 50], 0, 4, 100)).toEqual([0, 100]);
    expect(zoomed([50, 100], 100, 0.5, 100)).toEqual([75, 100]);
  });
});
