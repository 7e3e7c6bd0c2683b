/** A score in one badge: a sign, what it says, and on request its name. */

import type { Schemas } from "@/api/client";
import { said, unitOf } from "@/kit/measure";
import { head, visible } from "@/kit/visible";
import { Badge, type Tone } from "@/parts/badge";

export function Verdict({ score, named }: { score: Schemas["Score"]; named?: boolean }) {
  const [word, tone] = told(score);
  return (
    <Badge tone={tone}>
      <span title={visible(head(score.reason ?? score.name, 400))}>
        {named && `${visible(head(score.name, 40))} `}
        {word}
      </span>
    </Badge>
  );
}

/** What a score says in a word, and how that is to be taken. */
export function told(score: Schemas["Score"]): [string, Tone] {
  if (score.status !== "scored") return [score.status, "soft"];
  const tone: Tone = score.passed === null ? "soft" : score.passed ? "ok" : "error";
  const sign = score.passed === null ? "" : score.passed ? "✓ " : "✕ ";
  if (score.value !== null) return [`${sign}${said(score.value, unitOf(score.name, []))}`, tone];
  if (score.label !== null) return [`${sign}${visible(head(score.label, 40))}`, tone];
  return [score.passed ? "✓ pass" : "✕ fail", tone];
}
