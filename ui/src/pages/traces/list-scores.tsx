/** Cells of the list that other records than the traces answer: their scores, their releases. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useRelease } from "@/api/releases";
import { isQuiet, isWithdrawn } from "@/kit/judged";
import { Line } from "@/parts/text";
import { Verdict } from "@/parts/verdict";

type Score = Schemas["Score"];

const SHOWN = 3;

/** What was said of a trace or its spans; of guards only what they found. */
export function ScoresOf({ trace_id }: { trace_id: string }) {
  const { data } = useAnswer(["scores", "of", trace_id], () => scoresOf(trace_id));
  const told = (data ?? []).filter((one) => !isWithdrawn(one) && !isQuiet(one));
  return (
    <>
      {told.slice(0, SHOWN).map((score) => (
        <Verdict key={score.score_id} score={score} named />
      ))}
      {told.length > SHOWN && <span className="soft"> +{told.length - SHOWN}</span>}
    </>
  );
}

/** A release as people call it: `shop@3`. */
export function ReleaseOf({ id }: { id: string | null }) {
  return <Line text={useRelease(id).name} />;
}

interface Asked {
  answer: (scores: Score[]) => void;
  fail: (problem: unknown) => void;
}

const AT_ONCE = 100;
let waiting = new Map<string, Asked>();

/** Traces that are asked about in one breath are asked about with one request. */
function scoresOf(trace_id: string): Promise<Score[]> {
  if (waiting.size === 0) setTimeout(ask);
  return new Promise((answer, fail) => {
    waiting.set(trace_id, { answer, fail });
    if (waiting.size === AT_ONCE) void ask();
  });
}

async function ask(): Promise<void> {
  const asked = waiting;
  waiting = new Map();
  if (asked.size === 0) return;
  const query = { trace_id: [...asked.keys()].join(","), limit: 10_000 };
  try {
    const { data } = await api.get("/api/v1/scores", { query });
    const isOf = (one: Score, id: string) => (one.target.trace_id ?? one.target.id) === id;
    for (const [id, { answer }] of asked) answer(data.filter((one) => isOf(one, id)));
  } catch (problem) {
    for (const { fail } of asked.values()) fail(problem);
  }
}
