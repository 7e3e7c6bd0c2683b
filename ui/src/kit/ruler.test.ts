import { describe, expect, test } from "vitest";
import { marks, placed, zoomed } from "./ruler";

describe("a ruler", () => {
  test("has round marks, and no more than asked for", () => {
    expect(marks([0, 1_000], 5)).toEqual([0, 200, 400, 600, 800, 1_000]);
    expect(marks([130, 470], 4)).toEqual([200, 300, 400]);
    expect(marks([5, 5], 4)).toEqual([]);
    expect(marks([0, 300e6], 3)).toEqual([0, 120e6, 240e6]);
    expect(marks([0, 50 * 3600e6], 3)).toEqual([0, 20 * 3600e6, 40 * 3600e6]);
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
