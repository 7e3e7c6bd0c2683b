import { expect, test } from "vitest";
import { ago, count, digits, duration, moment, money, percent, signed } from "./format";

test.each([
  [0, "0"],
  [0.012345, "0.0123"],
  [1.5, "1.5"],
  [99.96, "100"],
  [1234.5, "1,235"],
  [1e-7, "0.0000001"],
])("%d in three digits is %s", (value, text) => expect(digits(value)).toBe(text));

test.each([
  [null, "–"],
  [undefined, "–"],
  [0, "0"],
  [9_999, "9,999"],
  [59_123, "59.1 k"],
  [2_500_000, "2.5 M"],
])("a count of %s is %s", (value, text) => expect(count(value)).toBe(text));

test.each([
  [0.42, "0.42 ms"],
  [412, "412 ms"],
  [1_530, "1.53 s"],
  [60_000, "1 min"],
  [125_000, "2 min 5 s"],
  [3_720_000, "1 h 2 min"],
])("%d ms is %s", (value, text) => expect(duration(value)).toBe(text));

test.each([
  [null, "–"],
  ["0", "$0"],
  ["0.000000150", "<$0.00001"],
  [0.00001, "$0.00001"],
  [0.0031, "$0.0031"],
  [0.1284, "$0.128"],
  [0.13, "$0.13"],
  [0.5, "$0.50"],
  [0.9999, "$1.00"],
  [1.5, "$1.50"],
  [12.345, "$12.35"],
  [200, "$200.00"],
  [-0.25, "−$0.25"],
  ["1234.5", "$1,235"],
])("%s dollars are %s", (value, text) => expect(money(value)).toBe(text));

test("shares, differences and moments", () => {
  expect(percent(0.1234)).toBe("12.3 %");
  expect(signed(-0.5, (size) => percent(size))).toBe("−50.0 %");
  expect(signed(0, String)).toBe("±0");
  const noon = new Date(2026, 10, 21, 12, 5, 9).getTime();
  expect(moment(noon * 1e6)).toBe("2026-11-21 12:05:09");
  expect(ago(noon * 1e6, noon)).toBe("now");
  expect(ago(noon * 1e6, noon + 125_000)).toBe("2 min");
  expect(ago(noon * 1e6, noon - 5_000)).toBe("now");
});
