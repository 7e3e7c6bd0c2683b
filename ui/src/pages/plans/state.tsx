import { Badge, type Tone } from "@/parts/badge";

const TONES: Record<string, Tone> = {
  running: "accent",
  "under way": "accent",
  done: "ok",
  failed: "error",
  interrupted: "warn",
};
const SIGNS: Record<string, string> = { done: "✓ ", failed: "✕ ", interrupted: "⊘ " };

/** How a run or a step of it stands. */
export function State({ status }: { status: string }) {
  return (
    <Badge tone={TONES[status] ?? "soft"}>
      {SIGNS[status] ?? ""}
      {status}
    </Badge>
  );
}

/** From the beginning to the end, or until now. */
export function lasted(one: { started_ns: number; ended_ns?: number | null }): number {
  return Math.max(0, ((one.ended_ns ?? Date.now() * 1e6) - one.started_ns) / 1e6);
}
