import { describe, expect, test } from "vitest";
import { body, curl, pytest, python, pythonCall, quoted } from "./calls";

describe("a call to take along", () => {
  const call = {
    model: "m",
    messages: [{ role: "user", content: 'It\'s "so"\n', name: null, tool_calls: [] }],
    parameters: { temperature: 0.5, stream: true },
    tools: null,
  };
  test("has no fields that are not set", () => {
    expect(body(call)).toEqual({
      model: "m",
      messages: [{ role: "user", content: 'It\'s "so"\n' }],
      temperature: 0.5,
      stream: true,
    });
  });
  test("is quoted for the shell, and names the key's variable only", () => {
    expect(quoted("a'b")).toBe("'a'\\''b'");
    expect(curl(call, "http://h/v1", true)).toContain("Bearer $TRIMTAB_KEY");
    expect(curl(call, "http://h/v1", false)).not.toContain("authorization");
  });
  test("has nothing in it that is not seen", () => {
    const hidden = { ...call, messages: [{ role: "user", content: "a\u202eb\u001b[2J" }] };
    for (const code of [curl(hidden, "u", false), pythonCall(hidden, "u", false)])
      expect(code).toContain("a\\u202eb\\u001b[2J");
  });
  test("has Python's escapes in Python", () => {
    expect(python("a\u{e0041}🙂")).toBe('"a\\U000e0041🙂"');
  });
  test("is Python where it is for Python", () => {
    expect(python({ a: [true, null, "é\n"], b: {} })).toBe(
      '{\n    "a": [\n        True,\n        None,\n        "é\\n",\n    ],\n    "b": {},\n}',
    );
    expect(pythonCall(call, "http://h/v1", true)).toContain('os.environ["TRIMTAB_KEY"]');
    expect(pytest(call, "http://h/v1", false, "yes")).toContain('expected="yes"');
  });
});
