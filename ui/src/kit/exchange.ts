/** What a trace is in a conversation: the last thing that was asked, and what was answered. */
import { said, type Turn, turns } from "./turns";

/** The last message of a user; all of it where there is none. */
export function asked(input: unknown): string {
  const found = turns(input);
  const last = found?.filter((turn) => turn.role === "user").at(-1);
  if (last) return texts(last);
  return found ? found.map(texts).filter(Boolean).join("\n\n") : said(input);
}

/** What was answered; calls of tools by their names. */
export function answered(output: unknown): string {
  const found = turns(output);
  return found ? found.map(texts).filter(Boolean).join("\n\n") : said(output);
}

function texts(turn: Turn): string {
  return turn.parts
    .map((part) => {
      if (part.kind === "text") return part.thought ? "" : part.text;
      if (part.kind === "result") return part.text;
      return part.kind === "call" ? `calls ${part.name}` : "";
    })
    .filter(Boolean)
    .join("\n");
}
