import { expect, test } from "vitest";
import { wilson } from "./rate";

// Newcombe 1998, Statistics in Medicine 17, table I, method 3
test.each([
  [81, 263, 0.2553, 0.3662],
  [15, 148, 0.0624, 0.1605],
  [0, 20, 0, 0.1611],
  [1, 29, 0.0061, 0.1718],
])("%d of %d is between %d and %d", (hits, cases, low, high) => {
  const found = wilson(hits, cases);
  expect(found?.[0]).toBeCloseTo(low, 4);
  expect(found?.[1]).toBeCloseTo(high, 4);
});

test("of no case nothing is known", () => expect(wilson(0, 0)).toBeNull());
