import { expect, test } from "vitest";
import { placed, stepLines } from "./plan-steps";

const record = (step: string, item: number | null = null, status = "done", at = 0) => ({
  step,
  item,
  status,
  started_ns: at,
  ended_ns: at + 10,
});

test("steps stand in the order of the plan, their items below them by number", () => {
  const records = [record("b"), record("a", 1), record("a", 0, "failed"), record("a")];
  const lines = stepLines(["a", "b"], records, false);
  expect(lines.map((one) => [one.key, one.state])).toEqual([
    ["a", "done"],
    ["a[0]", "failed"],
    ["a[1]", "done"],
    ["b", "done"],
  ]);
});

test("what is not on record may still come only while the run goes on", () => {
  const records = [record("a"), record("b", 0)];
  const states = (running: boolean) =>
    stepLines(["a", "b", "c"], records, running).map((one) => one.state);
  expect(states(true)).toEqual(["done", "under way", "done", "not yet"]);
  expect(states(false)).toEqual(["done", "not reached", "done", "not reached"]);
});

test("a step that the plan does not name is there all the same", () => {
  expect(stepLines([], [record("gone")], false).map((one) => one.key)).toEqual(["gone"]);
});

test("a bar lies within the run, and is never too thin to be seen", () => {
  const all = [record("a", null, "done", 0), record("b", null, "done", 90)];
  expect(placed(all[0] as never, all)).toEqual({ left: 0, width: 10 });
  expect(placed(all[1] as never, all)).toEqual({ left: 90, width: 10 });
  const still = { started_ns: 5, ended_ns: 5 };
  expect(placed(still, [still])).toEqual({ left: 0, width: 1 });
  expect(placed({ started_ns: 100, ended_ns: 100 }, all).width).toBe(1);
});
