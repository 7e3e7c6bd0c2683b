/** Values of variables as they are written into a form, and as a prompt takes them. */

export type VariableType = "string" | "number" | "integer" | "boolean" | "array" | "object";

/** What a form asks for; `type` null is of any type. */
export interface Wanted {
  name: string;
  type: VariableType | null;
  required: boolean;
  fallback: string;
  description: string;
}

export interface Read {
  values: Record<string, unknown>;
  /** Of each variable that cannot be read: why. */
  wrong: Record<string, string>;
  missing: string[];
}

/** Reads what was written. What is empty is left out, so that its default holds. */
export function read(wanted: readonly Wanted[], written: Readonly<Record<string, string>>): Read {
  const found: Read = { values: {}, wrong: {}, missing: [] };
  for (const one of wanted) {
    const text = written[one.name] ?? "";
    if (text === "") {
      if (one.required) found.missing.push(one.name);
      continue;
    }
    const value = typed(text, one.type);
    if (value === undefined) found.wrong[one.name] = WRONG[one.type ?? "string"];
    else found.values[one.name] = value;
  }
  return found;
}

const WRONG: Record<VariableType, string> = {
  string: "Write a text.",
  number: "Write a number.",
  integer: "Write a whole number.",
  boolean: "Write true or false.",
  array: "Write a list as JSON, such as [1, 2].",
  object: 'Write an object as JSON, such as {"a": 1}.',
};

function typed(text: string, type: VariableType | null): unknown {
  if (type === null || type === "string") return text;
  const value = json(text);
  const fits =
    type === "array"
      ? Array.isArray(value)
      : type === "object"
        ? isObject(value)
        : type === "integer"
          ? Number.isInteger(value)
          : typeof value === type;
  return fits ? value : undefined;
}

/** A value as it is written into a form: a text as it is, anything else as JSON. */
export function written(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The value that a text is as JSON; undefined where it is none. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Declared {
  name: string;
  type: VariableType;
  required: boolean;
  default?: unknown;
  description: string;
}

/** What to ask for: what is declared as such, the rest of any type. */
export function wantedOf(names: readonly string[], declared: readonly Declared[]): Wanted[] {
  const known = new Map(declared.map((one) => [one.name, one]));
  return [...new Set([...names, ...known.keys()])].map((name) => {
    const one = known.get(name);
    return {
      name,
      type: one?.type ?? null,
      required: one?.required ?? true,
      fallback: written(one?.default),
      description: one?.description ?? "",
    };
  });
}

/** What several prompts ask for, each variable once; who declares it is believed before who does not. */
export function together(all: readonly (readonly Wanted[])[]): Wanted[] {
  const found = new Map<string, Wanted>();
  for (const one of all.flat()) {
    const before = found.get(one.name);
    if (!before || (before.type === null && one.type !== null)) found.set(one.name, one);
    else if (one.required && !before.required) found.set(one.name, { ...before, required: true });
  }
  return [...found.values()];
}
