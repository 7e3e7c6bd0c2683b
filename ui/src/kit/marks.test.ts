import { describe, expect, test } from "vitest";
import { type Finding, findings, findingsOf, marked } from "./marks";

describe("marks", () => {
  const mark = (start: number, end: number, what = "x") => ({ start, end, what });
  test("cut a text where something was found, in whole characters", () => {
    expect(marked("🙂ann 7", [mark(1, 4)])).toEqual([
      { text: "🙂", what: null },
      { text: "ann", what: "x" },
      { text: " 7", what: null },
    ]);
  });
  test("do not overlap, and end with the text", () => {
    const parts = marked("abcdef", [mark(3, 99, "b"), mark(1, 4, "a"), mark(2, 3, "c")]);
    expect(parts.map((one) => one.text).join("")).toBe("abcdef");
    expect(parts.map((one) => one.what)).toEqual([null, "a", "b"]);
  });
  test("are on what stands for the hidden, where something is hidden", () => {
    expect(marked("to [EMAIL_ADDRESS] now", [mark(3, 18)])[1]).toEqual({
      text: "[EMAIL_ADDRESS]",
      what: "hidden",
    });
  });
  test("are those of guards that fired, by side, message and part", () => {
    const found = { at: "user/0/text/0", start: 1, end: 2, kind: "card" };
    const score = (passed: boolean, stage: string) => ({
      name: "guard.pii",
      passed,
      metadata: { stage, findings: [found, "odd"] },
    });
    const all = findings(
      [score(false, "input"), score(true, "input"), score(false, "output")],
      "input",
    );
    expect(all).toEqual([{ at: found.at, start: 1, end: 2, rule: "pii", what: "pii: card" }]);
    const of = (message: number, part = 0) =>
      findingsOf(all as Finding[], ["system", "user", "assistant", "user"], message, part).length;
    expect([of(0), of(1), of(3), of(1, 1)]).toEqual([0, 1, 0, 0]);
  });
});
