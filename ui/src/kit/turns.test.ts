import { describe, expect, test } from "vitest";
import { laidOut, passages, plain, results, said, turns } from "./turns";

const text = (value: string) => ({ kind: "text", text: value });

describe("turns are read", () => {
  const call = { kind: "call", id: "c1", name: "look", arguments: '{"a":1}' };
  const result = { kind: "result", id: "c1", text: "42" };
  test.each([
    [
      "from chat messages",
      [
        { role: "user", content: "Hi" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "c1", function: { name: "look", arguments: '{"a":1}' } }],
        },
        { role: "tool", tool_call_id: "c1", content: "42" },
      ],
      [[text("Hi")], [call], [result]],
    ],
    [
      "from Anthropic's blocks",
      {
        messages: [
          { role: "user", content: [{ type: "text", text: "Hi" }] },
          {
            role: "assistant",
            content: [
              { type: "thinking", thinking: "hm" },
              { type: "tool_use", id: "c1", name: "look", input: { a: 1 } },
            ],
          },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "42" }] },
        ],
      },
      [
        [text("Hi")],
        [
          { ...text("hm"), thought: true },
          { ...call, arguments: '{\n  "a": 1\n}' },
        ],
        [result],
      ],
    ],
    [
      "from the items of responses",
      [
        { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] },
        { type: "function_call", call_id: "c1", id: "x", name: "look", arguments: '{"a":1}' },
        { type: "function_call_output", call_id: "c1", output: "42" },
      ],
      [[text("Hi")], [call], [result]],
    ],
    [
      "from OpenTelemetry's parts",
      [
        { role: "user", parts: [{ type: "text", content: "Hi" }] },
        {
          role: "assistant",
          parts: [{ type: "tool_call", id: "c1", name: "look", arguments: '{"a":1}' }],
        },
        { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "42" }] },
      ],
      [[text("Hi")], [call], [result]],
    ],
    [
      "from the choices of an answer",
      { choices: [{ message: { role: "assistant", content: "Hi" } }] },
      [[text("Hi")]],
    ],
  ])("%s", (_, value, parts) => {
    expect(turns(value)?.map((turn) => turn.parts)).toEqual(parts);
  });

  test.each([
    [null],
    ["Hi"],
    [[]],
    [{ a: 1 }],
    [["Hi"]],
    [[{ id: "x", text: "passage" }]],
  ])("from no conversation as none: %j", (value) => expect(turns(value)).toBeNull());

  test("with pictures by what they are, and never by their bytes", () => {
    const url = `data:image/png;base64,${"A".repeat(4000)}`;
    const found = turns([
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url } },
          { type: "image", source: { type: "base64", media_type: "image/webp", data: "AAAA" } },
          { type: "input_image", image_url: "https://example.org/a.png" },
        ],
      },
    ]);
    expect(found?.[0]?.parts).toEqual([
      { kind: "image", type: "image/png", source: "in the message", bytes: 3000 },
      { kind: "image", type: "image/webp", source: "in the message", bytes: 3 },
      { kind: "image", type: "image", source: "https://example.org/a.png", bytes: null },
    ]);
  });

  test("as one text, and results by their calls", () => {
    const found = [
      { role: "user", content: "Hi" },
      { role: "tool", tool_call_id: "c1", content: { a: 1 } },
    ];
    expect(plain(found)).toBe('user:\nHi\n\ntool:\n{\n  "a": 1\n}');
    expect(results(turns(found) ?? []).get("c1")).toBe('{\n  "a": 1\n}');
    expect(plain([])).toBe("");
    expect(said([{ type: "text", text: "a" }, "b"])).toBe("a\nb");
    expect(laidOut('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(laidOut("{not json")).toBe("{not json");
  });

  test("passages are told from messages", () => {
    expect(passages([{ id: "a", text: "t", score: 1.5 }])).toEqual([
      { id: "a", text: "t", score: 1.5 },
    ]);
    expect(passages([{ document: { id: "b", content: "u" }, score: 2 }])?.[0]?.text).toBe("u");
    expect(passages([{ role: "user", content: "Hi" }])).toBeNull();
    expect(passages([])).toBeNull();
  });
});
