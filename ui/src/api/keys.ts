/** What virtual keys are called: records name them by their ids. */
import { useMemo } from "react";
import { api } from "./client";
import { useAnswer } from "./query";

/** Names by id; none where the caller may not see keys. */
export function useKeyNames(): ReadonlyMap<string, string> {
  const { data } = useAnswer(["keys"], (signal) => api.get("/api/v1/keys", { signal }));
  return useMemo(() => new Map(data?.data.map((one) => [one.key_id, one.name])), [data]);
}
