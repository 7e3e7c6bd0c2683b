/** Server-sent events over fetch, which sends a key and a body as EventSource does not. */
import { type ServerEvent, split } from "@/kit/events";
import { ask } from "./client";

/** The events of a stream in order, until it ends or `signal` is aborted. Rejects with a Problem. */
export async function* events(
  target: string,
  { body, signal, last }: { body?: unknown; signal?: AbortSignal; last?: string } = {},
): AsyncGenerator<ServerEvent> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (last) headers["last-event-id"] = last;
  if (body !== undefined) headers["content-type"] = "application/json";
  const reply = await ask(target, {
    method: body === undefined ? "GET" : "POST",
    headers,
    signal: signal ?? null,
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!reply.body) return;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const [whole, rest] = split(kept + value);
      kept = rest;
      yield* whole;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
