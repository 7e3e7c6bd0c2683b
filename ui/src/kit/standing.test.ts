import { beforeEach, expect, test } from "vitest";
import { stand, stood } from "./standing";

let at = 0;
let steps: unknown[] = [null];

beforeEach(() => {
  at = 0;
  steps = [null];
  globalThis.history = {
    get state() {
      return steps[at];
    },
    replaceState: (state: unknown) => {
      steps[at] = state;
    },
  } as unknown as History;
});

const go = (to: number) => {
  at = to;
};

test("each step of the history has its own place, and a new one has none", () => {
  expect(stood()).toBeUndefined();
  stand({ top: 280, at: 10, key: "a" });
  go(1);
  expect(stood()).toBeUndefined();
  stand({ top: 0, at: 2, key: "b" });
  go(0);
  stand({ top: 560, at: 10, key: "a" });
  expect(stood()).toEqual({ top: 560, at: 10, key: "a" });
  go(1);
  expect(stood()).toEqual({ top: 0, at: 2, key: "b" });
});

test("what else a step holds stays", () => {
  steps[0] = { other: 1 };
  stand({ top: 0, at: 0, key: null });
  expect(steps[0]).toMatchObject({ other: 1 });
});
