/** Whose key this tab sends, as the server sees it. */
import { api, key, project, type Schemas } from "./client";
import { useAnswer } from "./query";

/** Nobody, while there is no key or the server has not said. */
export function useCaller(): Schemas["Asker"] | null {
  const { data, isPlaceholderData } = useAnswer(
    ["caller"],
    (signal) => api.get("/api/v1/caller", { signal }),
    { on: key.get() !== null },
  );
  return key.get() && data && !isPlaceholderData ? data : null;
}

/** The project that answers are of. */
export function useLookedAt(): string {
  return useCaller()?.project ?? (project.get() || "default");
}
