/** The tree of a trace, asked for when its row is likely to be opened. */
import { api } from "./client";
import { queries } from "./query";

/** A larger one costs the server more than an opening that may not come is worth. */
const MOST_SPANS = 500;

export function treeOf(trace_id: string) {
  return {
    key: ["traces", "tree", trace_id],
    get: (signal: AbortSignal) =>
      api.get("/api/v1/traces/{trace_id}/tree", { path: { trace_id }, signal }),
  };
}

export function soon(row: { trace_id: string; spans: number }): void {
  if (row.spans > MOST_SPANS) return;
  const { key, get } = treeOf(row.trace_id);
  const asked = { queryKey: key, queryFn: ({ signal }: { signal: AbortSignal }) => get(signal) };
  void queries.prefetchQuery({ ...asked, retry: false });
}
