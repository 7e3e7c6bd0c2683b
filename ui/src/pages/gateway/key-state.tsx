import type { Schemas } from "@/api/client";
import { Badge } from "@/parts/badge";

/** Whether a key is accepted; what is left of its budgets is another matter. */
export function KeyState({ held }: { held: Schemas["KeyView"] }) {
  if (held.disabled) return <Badge tone="warn">disabled</Badge>;
  if (held.expires_ns !== null && held.expires_ns / 1e6 < Date.now())
    return <Badge tone="warn">expired</Badge>;
  return <Badge tone="ok">✓ usable</Badge>;
}
