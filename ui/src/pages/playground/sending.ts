import type { Draft, Schemas } from "@/api/client";
import type { Sent } from "@/kit/board";

/** Columns as the API describes them; its types know no member of a JSON object by name. */
export function sending(columns: readonly Sent[]): Draft<Schemas["Column"]>[] {
  return columns as unknown as Draft<Schemas["Column"]>[];
}
