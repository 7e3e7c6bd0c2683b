/** How an application asks with a prompt, as code that works as it stands. */
import { completion, quoted } from "./calls";

export interface Used {
  name: string;
  version: number;
  /** A label that points to the version, if there is one. */
  label: string | null;
  /** Values of its variables. */
  values: Readonly<Record<string, unknown>>;
  model: string;
}

const reference = ({ name, version, label }: Used) => `${name}@${label ?? version}`;

/** For an application: the words are fetched once and kept. */
export function python(used: Used, server: string): string {
  const which = used.label
    ? `${JSON.stringify(used.name)}, label=${JSON.stringify(used.label)}`
    : JSON.stringify(`${used.name}@${used.version}`);
  const names = Object.entries(used.values).map(([name, value]) => [name, literal(value)] as const);
  const values = names.every(([name]) => /^[A-Za-z_]\w*$/.test(name))
    ? names.map(([name, value]) => `${name}=${value}`).join(", ")
    : `**{${names.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(", ")}}`;
  return `import trimtab

prompt = trimtab.prompt(${which}, url=${JSON.stringify(server)})
messages = prompt.render(${values})
print(prompt.ref, prompt.parameters, messages)
`;
}

/** For a terminal: the gateway fills the words in. */
export function filledIn(used: Used, url: string, withKey: boolean): string {
  const body = {
    model: reference(used),
    trimtab: { model: used.model, variables: used.values },
    messages: [{ role: "user", content: "Your question" }],
  };
  return completion(body, url, withKey);
}

/** For a terminal: as a file, with values filled in, and tried with a model. */
export function commands(used: Used): string {
  const ref = quoted(`${used.name}@${used.version}`);
  const values = Object.entries(used.values);
  const filled = values.length > 0 ? ` --vars ${quoted(JSON.stringify(used.values))}` : "";
  const lines = [`trimtab prompts show ${ref}`, `trimtab prompts preview ${ref}${filled}`];
  if (values.every(([, value]) => typeof value === "string")) {
    const each = values.map(([name, value]) => ` --var ${quoted(`${name}=${value}`)}`).join("");
    lines.push(`trimtab play ${ref} --model ${quoted(used.model)}${each}`);
  }
  return `${lines.join("\n")}\n`;
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, one]) => `${JSON.stringify(name)}: ${literal(one)}`,
  );
  return `{${members.join(", ")}}`;
}
