import { expect, test } from "vitest";
import { type Binding, matching } from "./keys";

const bindings: Binding[] = ["j", "g t", "g s", "ctrl+k"].map((keys) => ({
  keys,
  does: keys,
  run: () => undefined,
}));

test.each([
  ["", "j", "j", false],
  ["", "g", undefined, true],
  ["g", "t", "g t", false],
  ["g", "j", undefined, false],
  ["", "ctrl+k", "ctrl+k", false],
  ["", "q", undefined, false],
])("after %j, %j means %j", (before, pressed, means, waits) => {
  const found = matching(bindings, before, pressed);
  expect([found.binding?.keys, found.waits]).toEqual([means, waits]);
});
