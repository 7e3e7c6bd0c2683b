import { expect, test } from "vitest";
import { commands, filledIn, python } from "./prompt-code";

const used = {
  name: "weather",
  version: 3,
  label: null,
  values: { city: "L'Aquila", days: 2 },
  model: "acme/large",
};

test("Python fetches by label where there is one, by version else", () => {
  const labelled = { ...used, label: "production" };
  expect(python(used, "http://h/")).toContain('trimtab.prompt("weather@3", url="http://h/")');
  expect(python(labelled, "http://h/")).toContain('"weather", label="production", url=');
  expect(python(used, "http://h/")).toContain(`prompt.render(city="L'Aquila", days=2)`);
});

test("a name that is no word of Python goes in as a text", () => {
  const values = { "my-name": { a: [true, null] } };
  expect(python({ ...used, values }, "http://h/")).toContain(
    'prompt.render(**{"my-name": {"a": [True, None]}})',
  );
});

test("a shell gets every value as one word", () => {
  expect(filledIn(used, "http://h/v1", false)).toContain("L'\\''Aquila");
  expect(filledIn(used, "http://h/v1", false)).not.toContain("authorization");
  expect(filledIn(used, "http://h/v1", true)).toMatch(/KEY"[\s\S]*Your question/);
  expect(commands(used)).toContain(`--vars '{"city":"L'\\''Aquila","days":2}'`);
  expect(commands(used)).not.toContain("trimtab play");
  expect(commands({ ...used, values: { city: "Rome" } })).toContain(
    "trimtab play 'weather@3' --model 'acme/large' --var 'city=Rome'",
  );
});

test("a shell gets nothing that is not seen", () => {
  const code = filledIn({ ...used, values: { city: "a\u202eb" } }, "u", false);
  expect(code).toContain("a\\u202eb");
});
