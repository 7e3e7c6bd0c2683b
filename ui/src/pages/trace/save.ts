import { ask, target } from "@/api/client";

/** Has the browser save a trace as the server has it, with what was said. Rejects with a Problem. */
export async function saved(trace_id: string): Promise<void> {
  const reply = await ask(target("/api/v1/traces/{trace_id}", { trace_id }));
  const url = URL.createObjectURL(await reply.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = `trace-${trace_id}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
