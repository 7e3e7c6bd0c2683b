import { expect, test } from "vitest";
import { ratio } from "./ratio";

test.each([
  ["train 80, test 20", { train: 0.8, test: 0.2 }],
  ["train=.5, dev=.25, test=.25", { train: 0.5, dev: 0.25, test: 0.25 }],
  ["a 1 %", { a: 1 }],
  ["two words: 3; other 1", { "two words": 0.75, other: 0.25 }],
])("%s is read", (text, shares) => expect(ratio(text)).toEqual(shares));

test.each(["", "train", "80", "train 0", "a 1, a 2", "a -1"])("%s is nothing", (text) =>
  expect(ratio(text)).toBeNull());
