/** What guards did, in words and tones that every page of theirs shares. */
import type { Schemas } from "@/api/client";
import { count } from "@/kit/format";
import { Badge, type Tone } from "@/parts/badge";

type Event = Schemas["trimtab.guards.report.Event"];

const TONES: Record<string, Tone> = {
  block: "error",
  error: "error",
  timeout: "error",
  regenerate: "warn",
  redact: "warn",
  tokenise: "warn",
  review: "warn",
};

const DONE: Record<string, string> = {
  block: "blocked",
  error: "failed",
  timeout: "not in time",
  redact: "redacted",
  tokenise: "tokenised",
  regenerate: "asked again",
  review: "for review",
  flag: "flagged",
};

/** What was done about a call, or would have been. */
export function Done({ event }: { event: Pick<Event, "action" | "would"> }) {
  if (event.would) return <Badge>would {event.would}</Badge>;
  return <Badge tone={TONES[event.action] ?? "soft"}>{DONE[event.action] ?? event.action}</Badge>;
}

/** "block 3, flag 12"; nothing is "–". */
export function counted(counts: Readonly<Record<string, number>>): string {
  const said = Object.entries(counts).map(([action, size]) => `${action} ${count(size)}`);
  return said.join(", ") || "–";
}

const MODES: Record<string, Tone> = { enforce: "ok", flag: "accent", shadow: "soft", off: "warn" };

export function Mode({ mode }: { mode: string }) {
  return <Badge tone={MODES[mode] ?? "soft"}>{mode}</Badge>;
}

/** The name of a rule on record. */
export function called(rule: Schemas["GuardRule"]): string {
  return rule.name || rule.signal || rule.scorer || "";
}
