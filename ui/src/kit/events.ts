/** Server-sent events as text (WHATWG HTML, section 9.2.6). */

export interface ServerEvent {
  event: string;
  id: string;
  data: string;
}

/** The whole events of a text, and what is left of it. */
export function split(text: string): [ServerEvent[], string] {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  return [blocks.map(parsed).filter((one) => one.data !== ""), rest];
}

function parsed(block: string): ServerEvent {
  const found = { event: "message", id: "", data: [] as string[] };
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name === "event") found.event = value;
    else if (name === "id") found.id = value;
    else if (name === "data") found.data.push(value);
  }
  return { ...found, data: found.data.join("\n") };
}
