/** A recorded call as code to take along: for a shell, for Python, for a test. What cannot be seen is
 * written as an escape, so that nothing is in the code that is not on the screen.
 */
import { escaped } from "./visible";

export interface Call {
  model: string;
  messages: readonly object[];
  parameters: Record<string, unknown>;
  tools: readonly object[] | null;
}

/** The body of a chat completion, without what is not set. */
export function body(call: Call): Record<string, unknown> {
  const messages = call.messages.map((message) => {
    const known = Object.entries(message).filter(
      ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
    );
    return "content" in message && message.content === null
      ? { ...Object.fromEntries(known), content: null }
      : Object.fromEntries(known);
  });
  const tools = call.tools && call.tools.length > 0 ? { tools: call.tools } : {};
  return { model: call.model, messages, ...call.parameters, ...tools };
}

/** One text as a word of a POSIX shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A value as a Python literal. */
export function python(value: unknown, indent = 0): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return text(value);
  if (typeof value === "number") return String(value);
  const inner = " ".repeat(indent + 4);
  const outer = " ".repeat(indent);
  if (Array.isArray(value)) {
    const items = value.map((one) => `${inner}${python(one, indent + 4)},\n`);
    return items.length ? `[\n${items.join("")}${outer}]` : "[]";
  }
  const items = Object.entries(value as object).map(
    ([name, one]) => `${inner}${text(name)}: ${python(one, indent + 4)},\n`,
  );
  return items.length ? `{\n${items.join("")}${outer}}` : "{}";
}

function text(value: string): string {
  // of Python's escapes \u is one character, and never half of one
  const wide = (tag: string) => `\\U${tag.codePointAt(0)?.toString(16).padStart(8, "0")}`;
  return escaped(JSON.stringify(value).replace(/[\u{e0000}-\u{e007f}]/gu, wide));
}

const KEY = "TRIMTAB_KEY";

/** A chat completion asked for from a terminal, `url` being that of the model API. */
export function completion(body: object, url: string, withKey: boolean): string {
  const lines = [
    `curl ${quoted(`${url}/chat/completions`)}`,
    "-H 'content-type: application/json'",
    ...(withKey ? [`-H "authorization: Bearer $${KEY}"`] : []),
    `--data-binary ${quoted(escaped(JSON.stringify(body, null, 2)))}`,
  ];
  return `${lines.join(" \\\n  ")}\n`;
}

export function curl(call: Call, url: string, withKey: boolean): string {
  return completion(body(call), url, withKey);
}

export function pythonCall(call: Call, url: string, withKey: boolean): string {
  const key = withKey ? `os.environ[${JSON.stringify(KEY)}]` : '"none"';
  return `${withKey ? "import os\n\n" : ""}from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(url)}, api_key=${key})
answer = client.chat.completions.create(**${python(body(call))})
print(answer.choices[0].message.content)
`;
}

/** A test that asks again and compares with the recorded answer. */
export function pytest(call: Call, url: string, withKey: boolean, answered: string): string {
  const key = withKey ? `os.environ[${JSON.stringify(KEY)}]` : '"none"';
  const asked = call.messages.at(-1);
  const question = asked && "content" in asked ? asked.content : "";
  return `${withKey ? "import os\n\n" : ""}from openai import OpenAI
from trimtab.pytest_plugin import assert_score


def test_recorded_call():
    client = OpenAI(base_url=${JSON.stringify(url)}, api_key=${key})
    answer = client.chat.completions.create(**${python(body(call), 4)})
    assert_score(
        "token_f1",
        input=${python(question, 8)},
        output=answer.choices[0].message.content,
        expected=${python(answered, 8)},
        at_least=0.5,
    )
`;
}
