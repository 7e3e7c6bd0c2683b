/** A score in one badge: a sign, what it says, and on request its name. */
import { digits } from "@/kit/format";
import { head, visible } from "@/kit/visible";
import { Badge, type Tone } from "@/parts/badge";
import type { Score } from "./data";

export function Verdict({ score, named }: { score: Score; named?: boolean }) {
  const [said, tone] = told(score);
  return (
    <Badge tone={tone}>
      <span title={visible(head(score.reason ?? score.name, 400))}>
        {named && `${visible(head(score.name, 40))} `}
        {said}
      </span>
    </Badge>
  );
}

/** What a score says in a word, and how that is to be taken. */
export function told(score: Score): [string, Tone] {
  if (score.status !== "scored") return [score.status, "soft"];
  const tone: Tone = score.passed === null ? "soft" : score.passed ? "ok" : "error";
  const sign = score.passed === null ? "" : score.passed ? "✓ " : "✕ ";
  if (score.value !== null) return [`${sign}${digits(score.value)}`, tone];
  if (score.label !== null) return [`${sign}${visible(head(score.label, 40))}`, tone];
  return [score.passed ? "✓ pass" : "✕ fail", tone];
}
