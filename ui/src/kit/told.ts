/** Traces told in short, for tests. */
import type { Columns } from "./tree";

export type Told = [
  name: string,
  parent: number | null,
  start: number,
  took: number,
  status?: string,
];

/** Columns of spans that are told in short; the id of each is its name. */
export function columns(told: readonly Told[], orphans: number[] = []): Columns {
  const at = told.map((_, index) => index);
  const none = at.map(() => null);
  const named = (values: string[]) => ({ values, at });
  return {
    span_ids: told.map(([name]) => name),
    parents: told.map(([, parent]) => parent),
    names: named(told.map(([name]) => name.replace(/\d+$/, ""))),
    kinds: { values: ["llm"], at: at.map(() => 0) },
    models: { values: [], at: none },
    statuses: named(told.map(([, , , , status]) => status ?? "ok")),
    errors: { values: [], at: none },
    start_us: told.map(([, , start]) => start),
    duration_us: told.map(([, , , took]) => took),
    first_token_us: none,
    input_tokens: at.map(() => 2),
    output_tokens: at.map(() => 1),
    cost_usd: told.map((_, index) => (index ? "0.5" : null)),
    orphans,
    open: [],
  };
}
