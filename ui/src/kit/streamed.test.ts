import { expect, test } from "vitest";
import { asked, brokenOff, isOver, told } from "./streamed";

const event = (event: string, value: object) => ({ event, data: JSON.stringify(value) });
const delta = (column: string, value: object) => event("delta", { column, ...value });

test("columns grow by turns, and each ends by itself", () => {
  const figures = { trace_id: "t", latency_ms: 9, cost_usd: null };
  const found = told(asked(["A", "B"]), [
    event("opened", { stream: "s", columns: ["A", "B"] }),
    event("started", { column: "A", trace_id: "t", model: "m" }),
    event("first_token", { column: "A", first_token_ms: 4.5 }),
    delta("A", { text: "Hel" }),
    delta("B", { reasoning: "Well" }),
    delta("A", { text: "lo" }),
    event("finished", { column: "A", figures }),
    event("failed", { column: "B", figures, problem: { detail: "no", fix: "ask again" } }),
    event("done", { finished: 1, failed: 1, cancelled: 0, cost_usd: "0", unpriced: 2 }),
  ]);
  expect(found.stream).toBe("s");
  expect(found.answers.A).toMatchObject({ state: "finished", text: "Hello", first_token_ms: 4.5 });
  expect(found.answers.B).toMatchObject({
    state: "failed",
    reasoning: "Well",
    problem: { detail: "no", fix: "ask again" },
  });
  expect(found.total?.failed).toBe(1);
});

test("a call of a tool is put together from its pieces", () => {
  const found = told(asked(["A"]), [
    delta("A", { tool_call: { index: 0, id: "c", name: "look", arguments: '{"a"' } }),
    delta("A", { tool_call: { index: 0, arguments: ":1}" } }),
    delta("A", { tool_call: { index: 1, name: "more", arguments: "" } }),
  ]);
  expect(found.answers.A?.calls).toEqual([
    { name: "look", arguments: '{"a":1}' },
    { name: "more", arguments: "" },
  ]);
});

test("a second answer of the same call, a column that was not asked and noise change nothing", () => {
  const before = asked(["A"]);
  const found = told(before, [
    delta("A", { text: "other", choice: 1 }),
    delta("Z", { text: "who" }),
    { event: "delta", data: "{not json" },
    { event: "delta", data: "null" },
  ]);
  expect(found.answers).toEqual(before.answers);
});

test("a stream that breaks off leaves what was said, and what had ended as it was", () => {
  const some = told(asked(["A", "B"]), [
    delta("A", { text: "half" }),
    event("finished", { column: "B", figures: null }),
  ]);
  const found = brokenOff(some, { detail: "cut", fix: null });
  expect(found.answers.A).toMatchObject({ state: "failed", text: "half" });
  expect(found.answers.B?.state).toBe("finished");
  expect(Object.values(found.answers).every(isOver)).toBe(true);
});
