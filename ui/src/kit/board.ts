/** What stands in the playground: columns with words and a model, and what all of them are given. */
import { type Syntax, variables } from "./templates";
import { isObject, json, together, type VariableType, type Wanted, wantedOf } from "./values";

/** A message; one that is more than text is the JSON of all of it. */
export interface Line {
  role: string;
  text: string;
  isJson: boolean;
}

export interface Declared {
  name: string;
  type: VariableType;
  required: boolean;
  default?: unknown;
  description: string;
}

export interface Column {
  id: string;
  model: string;
  /** A stored prompt, or "" where the words are its own. */
  prompt: string;
  words: readonly Line[];
  /** Whether braces in its own words are variables; else they are sent as they stand. */
  isTemplate: boolean;
  syntax: Syntax;
  declared: readonly Declared[];
  /** JSON, or "". */
  parameters: string;
  tools: string;
  schema: string;
}

export interface Board {
  columns: readonly Column[];
  /** What the variables of all columns are, as they were written. */
  values: Readonly<Record<string, string>>;
  /** The conversation that follows the words of every column, sent as it stands. */
  turns: readonly Line[];
}

export const MOST_COLUMNS = 16;
export const ROLES = ["system", "developer", "user", "assistant", "tool"] as const;

export const BLANK: Column = {
  id: "A",
  model: "",
  prompt: "",
  words: [{ role: "system", text: "", isJson: false }],
  isTemplate: true,
  syntax: "jinja",
  declared: [],
  parameters: "",
  tools: "",
  schema: "",
};

/** A new board: one column, and a question to be written. */
export function fresh(model: string): Board {
  return {
    columns: [{ ...BLANK, model }],
    values: {},
    turns: [{ role: "user", text: "", isJson: false }],
  };
}

/** With one more column, which is like the last, or like the one that is given. */
export function added(board: Board, like?: Column): Board {
  const source = like ?? board.columns.at(-1) ?? BLANK;
  if (board.columns.length >= MOST_COLUMNS) return board;
  const at = board.columns.indexOf(source) + 1 || board.columns.length;
  return {
    ...board,
    columns: board.columns.toSpliced(at, 0, { ...source, id: freeId(board.columns) }),
  };
}

function freeId(columns: readonly Column[]): string {
  const used = new Set(columns.map((one) => one.id));
  return [..."ABCDEFGHIJKLMNOP"].find((letter) => !used.has(letter)) ?? String(columns.length + 1);
}

export function without(board: Board, id: string): Board {
  return { ...board, columns: board.columns.filter((one) => one.id !== id) };
}

export function changedColumn(board: Board, id: string, change: Partial<Column>): Board {
  const columns = board.columns.map((one) => (one.id === id ? { ...one, ...change } : one));
  return { ...board, columns };
}

// -- messages as they are stored, and as they are edited ---------------------------------------

export interface Message {
  role: string;
  content: unknown;
  name?: string | null;
  tool_calls?: readonly unknown[] | null;
  tool_call_id?: string | null;
}

/** A message as it is edited: its text, or all of it where there is more. */
export function lineOf(message: Message): Line {
  const { role, content } = message;
  const isPlain = !message.name && !message.tool_call_id && !message.tool_calls?.length;
  if (isPlain && typeof content === "string") return { role, text: content, isJson: false };
  const kept = Object.entries(message).filter(
    ([name, value]) => name === "content" || (value !== null && !isEmptyList(value)),
  );
  return { role, text: JSON.stringify(Object.fromEntries(kept), null, 2), isJson: true };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The message that a line is; null where its JSON is none. */
export function messageOf(line: Line): Message | null {
  if (!line.isJson) return { role: line.role, content: line.text };
  const value = json(line.text);
  if (!isObject(value) || typeof value.role !== "string") return null;
  return { content: null, ...value } as Message;
}

// -- what is sent --------------------------------------------------------------------------------

/** A column as the server takes it. */
export interface Sent {
  id: string;
  model: string;
  prompt?: string;
  draft?: { messages: Message[]; syntax: Syntax; declared: readonly Declared[] };
  messages: Message[];
  variables: Record<string, unknown>;
  parameters: Record<string, unknown>;
  tools?: unknown[];
  output_schema?: Record<string, unknown>;
}

/** What a column would send, and what keeps it from it. */
export interface Ready {
  sent: Sent | null;
  wrong: string[];
}

/** Args: `values` are those of variables, as they were read; `turns` those of the board. */
export function ready(
  column: Column,
  turns: readonly Line[],
  values: Record<string, unknown>,
): Ready {
  const wrong: string[] = [];
  const own = messages(column.prompt ? [] : column.words, "the messages", wrong);
  const after = messages(turns, "the conversation", wrong);
  const parameters = object(column.parameters, "The parameters", wrong);
  const schema = object(column.schema, "The schema", wrong);
  const tools = list(column.tools, wrong);
  if (!column.model) wrong.push("Choose a model.");
  if (!column.prompt && own.length + after.length === 0) wrong.push("Write a message.");
  if (wrong.length > 0) return { sent: null, wrong };
  const draft = { messages: own, syntax: column.syntax, declared: declaredBy(column) };
  const words = column.prompt
    ? { prompt: column.prompt }
    : column.isTemplate && own.length > 0
      ? { draft }
      : {};
  const sent: Sent = {
    id: column.id,
    model: column.model,
    ...words,
    messages: column.prompt || column.isTemplate ? after : [...own, ...after],
    variables: values,
    parameters: parameters ?? {},
    ...(tools ? { tools } : {}),
    ...(schema ? { output_schema: schema } : {}),
  };
  return { sent, wrong };
}

/** What a column declares: all of its variables, or none. One that was written since is a text. */
function declaredBy(column: Column): readonly Declared[] {
  if (column.declared.length === 0) return [];
  const known = new Set(column.declared.map((one) => one.name));
  const more = variables(
    column.words.map((line) => line.text),
    column.syntax,
  ).filter((name) => !known.has(name));
  const text = { type: "string" as const, required: true, description: "" };
  return [...column.declared, ...more.map((name) => ({ name, ...text }))];
}

/** Messages with something in them: an empty one is a field that was left empty. */
function messages(lines: readonly Line[], what: string, wrong: string[]): Message[] {
  const found: Message[] = [];
  for (const line of lines) {
    if (line.text.trim() === "") continue;
    const message = messageOf(line);
    if (message) found.push(message);
    else wrong.push(`One of ${what} is no JSON object with a role.`);
  }
  return found;
}

function object(text: string, what: string, wrong: string[]): Record<string, unknown> | null {
  if (text.trim() === "") return null;
  const value = json(text);
  if (isObject(value)) return value;
  wrong.push(`${what} are no JSON object.`.replace("schema are", "schema is"));
  return null;
}

function list(text: string, wrong: string[]): unknown[] | null {
  if (text.trim() === "") return null;
  const value = json(text);
  if (Array.isArray(value) && value.every(isObject)) return value;
  wrong.push("The tools are no JSON list of objects.");
  return null;
}

// -- variables -----------------------------------------------------------------------------------

/** What the variables of a board are; `stored` tells of prompts by their references. */
export function wanted(
  board: Board,
  stored: ReadonlyMap<string, readonly Wanted[]>,
): readonly Wanted[] {
  return together(
    board.columns.map((column) => {
      if (column.prompt) return stored.get(column.prompt) ?? [];
      if (!column.isTemplate) return [];
      const texts = column.words.map((line) => line.text);
      return wantedOf(variables(texts, column.syntax), column.declared);
    }),
  );
}

/** One member of a JSON object that is a text; "" takes it out. */
export function withMember(text: string, name: string, value: unknown): string {
  const before = text.trim() === "" ? {} : json(text);
  if (!isObject(before)) return text;
  const { [name]: _, ...rest } = before;
  const next = value === "" ? rest : { ...rest, [name]: value };
  return Object.keys(next).length > 0 ? JSON.stringify(next, null, 2) : "";
}
