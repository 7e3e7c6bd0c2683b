import { Badge, type Tone } from "@/parts/badge";

const SIGNS: Record<string, [string, Tone]> = {
  reference: ["◆ reference", "accent"],
  same: ["✓ same", "ok"],
  drifted: ["✕ drifted", "error"],
  inconclusive: ["? inconclusive", "warn"],
  failed: ["✕ failed", "error"],
};

/** What a look found, in one word. */
export function Finding({ status }: { status: string | undefined }) {
  const [text, tone] = SIGNS[status ?? ""] ?? ["no look yet", "soft"];
  return <Badge tone={tone}>{text}</Badge>;
}
