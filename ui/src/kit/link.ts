/** A board as a part of an address that no server sees: what stands behind the `#`. */
import { type Board, type Column, type Declared, type Line, MOST_COLUMNS } from "./board";
import { isObject, json } from "./values";

const LONGEST = 60_000;

/** "" where it would be too long for a link. */
export function encoded(board: Board): string {
  const whole = JSON.stringify(board);
  const bytes = new TextEncoder().encode(whole.slice(0, LONGEST + 1));
  if (bytes.length > LONGEST) return "";
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The board of a link; null where it is none, whoever wrote it. */
export function decoded(text: string): Board | null {
  try {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(plain, (char) => char.charCodeAt(0));
    return boardOf(json(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** A value that was read from somewhere as a board; null where it is none. */
export function boardOf(value: unknown): Board | null {
  if (!isObject(value) || !Array.isArray(value.columns)) return null;
  const columns = value.columns.filter(isObject).map(columnOf);
  const ids = new Set(columns.map((one) => one.id));
  if (columns.length === 0 || columns.length > MOST_COLUMNS || ids.size < columns.length)
    return null;
  const values = isObject(value.values) ? Object.entries(value.values) : [];
  return {
    columns,
    values: Object.fromEntries(values.map(([name, one]) => [name, text(one)])),
    turns: lines(value.turns),
  };
}

function columnOf(value: Record<string, unknown>): Column {
  return {
    id: text(value.id) || "A",
    model: text(value.model),
    prompt: text(value.prompt),
    words: lines(value.words),
    isTemplate: value.isTemplate !== false,
    syntax: value.syntax === "mustache" ? "mustache" : "jinja",
    declared: (Array.isArray(value.declared) ? value.declared : []).filter(isDeclared),
    parameters: text(value.parameters),
    tools: text(value.tools),
    schema: text(value.schema),
  };
}

function lines(value: unknown): Line[] {
  const list = Array.isArray(value) ? value.filter(isObject) : [];
  return list.map((one) => ({
    role: text(one.role) || "user",
    text: text(one.text),
    isJson: one.isJson === true,
  }));
}

const TYPES = new Set(["string", "number", "integer", "boolean", "array", "object"]);

function isDeclared(value: unknown): value is Declared {
  return (
    isObject(value) &&
    typeof value.name === "string" &&
    TYPES.has(text(value.type)) &&
    typeof value.required === "boolean" &&
    typeof value.description === "string"
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
