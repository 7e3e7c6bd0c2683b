/** What was said in a recorded call, whatever its shape on the wire: turns of parts.
 *
 * Read are messages of OpenAI (chat and responses), Anthropic's blocks, OpenTelemetry's parts, and
 * requests or answers around them. A part that is none of the known ones stays as it came.
 */

export type Part =
  | { kind: "text"; text: string; thought?: boolean }
  | { kind: "call"; id: string | null; name: string; arguments: string }
  | { kind: "result"; id: string | null; text: string }
  | { kind: "image"; type: string; source: string; bytes: number | null }
  | { kind: "other"; value: unknown };

export interface Turn {
  role: string;
  name: string | null;
  parts: Part[];
}

type Wire = Record<string, unknown>;

const TEXTS = new Set(["text", "input_text", "output_text", "summary_text", "refusal"]);
const THOUGHTS = new Set(["thinking", "reasoning"]);
const CALLS = new Set(["tool_call", "tool-call", "tool_use", "function_call", "function"]);
const RESULTS = new Set([
  "tool_result",
  "tool-result",
  "tool_call_response",
  "function_call_output",
]);
const IMAGES = new Set(["image", "image_url", "input_image", "input_audio", "audio", "file"]);
const WRAPPERS = ["messages", "choices", "output", "input"];

/** The turns of a payload; null when it is no conversation. */
export function turns(value: unknown): Turn[] | null {
  const list = Array.isArray(value) ? value : isWire(value) ? unwrapped(value) : null;
  if (!list || list.length === 0) return null;
  const found: Turn[] = [];
  for (const item of list) {
    const turn = isWire(item) ? turnOf(item) : null;
    if (!turn) return null;
    found.push(turn);
  }
  return found;
}

function unwrapped(value: Wire): unknown[] | null {
  const opening = typeof value.system === "string" && value.system;
  for (const name of WRAPPERS) {
    const list = value[name];
    if (Array.isArray(list))
      return opening ? [{ role: "system", content: opening }, ...list] : list;
  }
  return "role" in value ? [value] : null;
}

function turnOf(item: Wire): Turn | null {
  if (isWire(item.message)) return turnOf(item.message);
  const type = string(item.type);
  if (typeof item.role !== "string") {
    if (CALLS.has(type)) return { role: "assistant", name: null, parts: [callOf(item)] };
    if (RESULTS.has(type)) return { role: "tool", name: null, parts: [resultOf(item)] };
    if (THOUGHTS.has(type)) return { role: "assistant", name: null, parts: partsOf([item]) };
    return null;
  }
  const parts =
    item.role === "tool" || item.role === "function"
      ? [toolPart(item)]
      : partsOf(item.content ?? item.parts);
  if (typeof item.reasoning_content === "string" && item.reasoning_content)
    parts.unshift({ kind: "text", text: item.reasoning_content, thought: true });
  for (const call of array(item.tool_calls)) if (isWire(call)) parts.push(callOf(call));
  if (isWire(item.function_call)) parts.push(callOf(item.function_call));
  return { role: item.role, name: string(item.name) || null, parts };
}

function toolPart(item: Wire): Part {
  const parts = array(item.parts);
  const only = parts.length === 1 && isWire(parts[0]) ? parts[0] : null;
  if (only && RESULTS.has(string(only.type))) return resultOf(only);
  return { kind: "result", id: idOf(item), text: said(item.content ?? item.parts) };
}

function partsOf(content: unknown): Part[] {
  if (content === null || content === undefined || content === "") return [];
  if (!Array.isArray(content)) return [{ kind: "text", text: said(content) }];
  return content.map((part): Part => {
    if (typeof part === "string") return { kind: "text", text: part };
    if (!isWire(part)) return { kind: "other", value: part };
    const type = string(part.type);
    if (TEXTS.has(type)) return { kind: "text", text: said(part.text ?? part.content) };
    if (THOUGHTS.has(type))
      return {
        kind: "text",
        text: said(part.thinking ?? part.text ?? part.content ?? part.summary),
        thought: true,
      };
    if (CALLS.has(type)) return callOf(part);
    if (RESULTS.has(type)) return resultOf(part);
    if (IMAGES.has(type)) return imageOf(part, type);
    return { kind: "other", value: part };
  });
}

function callOf(wire: Wire): Part {
  const told = isWire(wire.function) ? wire.function : wire;
  return {
    kind: "call",
    id: string(wire.call_id) || string(wire.id) || string(wire.toolCallId) || null,
    name: string(told.name) || string(told.toolName),
    arguments: said(told.arguments ?? told.args ?? told.input),
  };
}

function resultOf(wire: Wire): Part {
  return {
    kind: "result",
    id: idOf(wire),
    text: said(wire.output ?? wire.content ?? wire.response ?? wire.result),
  };
}

function idOf(wire: Wire): string | null {
  for (const name of ["tool_call_id", "tool_use_id", "call_id", "toolCallId", "id"])
    if (typeof wire[name] === "string") return wire[name];
  return null;
}

function imageOf(wire: Wire, type: string): Part {
  const held = [wire.image_url, wire.source, wire.input_audio, wire.file, wire.image].find(Boolean);
  const inside = isWire(held) ? held : {};
  const url = string(held) || string(inside.url) || string(inside.file_id) || string(wire.file_id);
  const data = string(inside.data) || string(inside.file_data) || string(wire.data);
  const inline = /^data:([^;,]*)[^,]*,/.exec(url);
  const size = data.length || (inline ? url.length - inline[0].length : 0);
  return {
    kind: "image",
    type: inline?.[1] || string(inside.media_type) || type.replace(/_url$|^input_/g, ""),
    source: inline || data ? "in the message" : url,
    bytes: size ? Math.floor((size * 3) / 4) : null,
  };
}

/** Any value as text: text as it is, parts by their texts, anything else as JSON. */
export function said(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.length > 0 && value.every(isText))
    return value.map((part) => said(typeof part === "string" ? part : part.text)).join("\n");
  return JSON.stringify(value, null, 2) ?? "";
}

function isText(part: unknown): part is string | { text: string } {
  return typeof part === "string" || (isWire(part) && typeof part.text === "string");
}

/** What a payload says, as one text: turns under the names of their speakers. */
export function plain(value: unknown): string {
  const found = turns(value);
  if (!found) return Array.isArray(value) && value.length === 0 ? "" : said(value);
  return found.map((turn) => `${turn.role}:\n${turn.parts.map(spoken).join("\n")}`).join("\n\n");
}

function spoken(part: Part): string {
  if (part.kind === "text" || part.kind === "result") return part.text;
  if (part.kind === "call") return `${part.name}(${part.arguments})`;
  return part.kind === "image" ? `[${part.type}, ${part.source}]` : said(part.value);
}

/** The text that each call of a tool got back, by the id of the call. */
export function results(list: readonly Turn[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of list.flatMap((turn) => turn.parts))
    if (part.kind === "result" && part.id) found.set(part.id, part.text);
  return found;
}

/** JSON text laid out in lines; any other text as it is. */
export function laidOut(text: string): string {
  if (!/^\s*[[{]/.test(text) || text.length > 200_000) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Passages that a retriever found: what is in each, and how well it fitted. */
export interface Passage {
  id: string;
  text: string;
  score: number | null;
}

export function passages(value: unknown): Passage[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const found: Passage[] = [];
  for (const one of value) {
    const doc = isWire(one) && isWire(one.document) ? one.document : one;
    if (!isWire(one) || !isWire(doc)) return null;
    const text = doc.text ?? doc.content ?? doc.page_content;
    if (typeof text !== "string" || "role" in doc) return null;
    const id = string(doc.id) || string(doc.source) || string(doc.title);
    found.push({ id, text, score: typeof one.score === "number" ? one.score : null });
  }
  return found;
}

function isWire(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
