import { isUnscored, type Judgement } from "@/kit/judgements";
import { said, type Unit } from "@/kit/measure";
import { visible } from "@/kit/visible";

const UNITS: Record<string, Unit> = { latency: "ms", cost: "usd" };

/** One score in few characters: a sign and a word, a number, a label, or that there is none. */
export function Judged({ score }: { score: Judgement | undefined }) {
  if (!score) return <span className="soft">–</span>;
  if (isUnscored(score))
    return (
      <span className="soft" title={visible(score.reason ?? "")}>
        {score.status === "unscored" ? "not scored" : visible(score.status ?? "")}
      </span>
    );
  const { passed, value } = score;
  const unit = UNITS[score.name] ?? "number";
  if (passed !== null && passed !== undefined)
    return (
      <span className={passed ? "status ok" : "status error"}>
        {passed ? "✓ yes" : "✕ no"}
        {value !== null && value !== undefined ? ` ${said(value, unit)}` : ""}
      </span>
    );
  if (value !== null && value !== undefined) return <span>{said(value, unit)}</span>;
  return <span>{visible(score.label ?? "–").slice(0, 60)}</span>;
}
