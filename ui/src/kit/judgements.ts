/** Which answers of a run are shown, and why some were not scored. */

export interface Judgement {
  name: string;
  status?: string;
  value?: number | null;
  label?: string | null;
  passed?: boolean | null;
  reason?: string | null;
}

export interface Answer {
  error?: string | null;
  scores?: readonly Judgement[];
}

/** What is asked for: "" is all, "failed" any verdict that is no, "errors", "unscored", and each of
 * the latter two of one metric: "failed:exact".
 */
export function isShown(answer: Answer, show: string): boolean {
  const [what = "", metric] = show.split(/:(.*)/s);
  const scores = (answer.scores ?? []).filter((one) => !metric || one.name === metric);
  if (what === "errors") return Boolean(answer.error);
  if (what === "failed") return scores.some((one) => one.passed === false);
  if (what === "unscored") return scores.some(isUnscored);
  return true;
}

export function isUnscored(score: Judgement): boolean {
  return (score.status ?? "scored") !== "scored";
}

/** Why scores are not there: each reason of each metric with how often, the most frequent first. */
export function unscored(
  answers: readonly Answer[],
): { metric: string; reason: string; times: number }[] {
  const found = new Map<string, { metric: string; reason: string; times: number }>();
  for (const score of answers.flatMap((one) => one.scores ?? [])) {
    if (!isUnscored(score)) continue;
    const reason = score.reason ?? score.status ?? "";
    const key = JSON.stringify([score.name, reason]);
    const one = found.get(key) ?? { metric: score.name, reason, times: 0 };
    one.times += 1;
    found.set(key, one);
  }
  return [...found.values()].sort((a, b) => b.times - a.times);
}
