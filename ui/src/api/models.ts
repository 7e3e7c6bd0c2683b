/** The models and routes that may be asked for here; the model API lists them, in its own shape. */
import { ask } from "./client";
import { useAnswer } from "./query";

/** Their names, or null while they are not known. */
export function useModels(): readonly string[] | null {
  return useListed().data ?? null;
}

/** The same with what went wrong. */
export function useListed() {
  return useAnswer(["models"], async (signal) => {
    const reply = await ask("/v1/models", { signal });
    const { data: found } = (await reply.json()) as { data: { id: string }[] };
    return found.map((one) => one.id);
  });
}
