import { expect, test } from "vitest";
import { answered, asked } from "./exchange";

const message = (role: string, content: unknown) => ({ role, content });

test("what was asked is the last thing a user said", () => {
  const input = [message("system", "Be brief."), message("user", "Hi"), message("user", "Well?")];
  expect(asked(input)).toBe("Well?");
  expect(asked([message("user", [{ type: "text", text: "a" }, { type: "image_url" }])])).toBe("a");
});

test("where no user spoke, it is all there is", () => {
  expect(asked("How long?")).toBe("How long?");
  expect(asked({ colour: "green" })).toBe('{\n  "colour": "green"\n}');
  expect(asked(null)).toBe("");
});

test("what was answered says its texts and the tools it called", () => {
  const call = { id: "c1", name: "lookup", arguments: "{}" };
  expect(answered([{ ...message("assistant", "One moment."), tool_calls: [call] }])).toBe(
    "One moment.\ncalls lookup",
  );
  expect(answered("Four hours.")).toBe("Four hours.");
});
