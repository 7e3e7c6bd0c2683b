import { expect, test } from "vitest";
import { fresh } from "./board";
import { pastOf, remembered } from "./past";
import { type Answer, asked } from "./streamed";

const answer = { ...(asked(["A"]).answers.A as Answer), state: "finished" as const };
const past = (at_ms: number, text = "yes") => ({
  at_ms,
  board: fresh("m"),
  answers: { A: { ...answer, text } },
});

test("the newest is first, and there is an end to it", () => {
  let list = remembered([], past(0));
  for (let n = 1; n < 40; n++) list = remembered(list, past(n));
  expect(list.length).toBe(30);
  expect(list[0]?.at_ms).toBe(39);
});

test("long answers are cut, and many of them push out the oldest", () => {
  let list = remembered([], past(0, "a".repeat(5_000_000)));
  expect(list[0]?.answers.A?.text.length).toBe(20_000);
  const large = { ...past(1), board: { ...fresh("m"), values: { x: "b".repeat(999_000) } } };
  list = remembered(list, large);
  expect(list.map((one) => one.at_ms)).toEqual([1]);
});

test("what was kept is read again; what is broken is left out", () => {
  const list = [past(1)];
  expect(pastOf(JSON.stringify(list))).toEqual(list);
  expect(pastOf(null)).toEqual([]);
  expect(pastOf("{")).toEqual([]);
  expect(pastOf('[{"at_ms": 1}, 3]')).toEqual([]);
});
