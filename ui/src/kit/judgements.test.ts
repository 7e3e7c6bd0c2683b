import { expect, test } from "vitest";
import { type Answer, isShown, unscored } from "./judgements";

const ANSWERS: Answer[] = [
  { scores: [{ name: "exact", passed: true }] },
  { scores: [{ name: "exact", passed: false }] },
  {
    error: "the model is away",
    scores: [{ name: "exact", status: "unscored", reason: "no answer" }],
  },
  { scores: [{ name: "judge", status: "error", reason: "no answer" }] },
  { scores: [{ name: "exact", status: "unscored", reason: "no answer" }] },
];

test.each([
  ["", [0, 1, 2, 3, 4]],
  ["failed", [1]],
  ["failed:judge", []],
  ["errors", [2]],
  ["unscored", [2, 3, 4]],
  ["unscored:exact", [2, 4]],
])("of answers that are %s there are %s", (show, places) =>
  expect(ANSWERS.flatMap((one, at) => (isShown(one, show) ? [at] : []))).toEqual(places));

test("reasons are counted by metric, the most frequent first", () => {
  expect(unscored(ANSWERS)).toEqual([
    { metric: "exact", reason: "no answer", times: 2 },
    { metric: "judge", reason: "no answer", times: 1 },
  ]);
});
