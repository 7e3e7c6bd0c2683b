/** Files of the server, saved by the browser; a link could not send the key or the project. */
import { ask } from "./client";

/** Fetch a file and offer it under its name. Rejects with a Problem. */
export async function download(target: string, name: string): Promise<void> {
  const reply = await ask(target);
  save(await reply.blob(), name);
}

/** Offer something that is here already. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
