/** What the columns of a stream have said so far, event by event. */

export interface Figures {
  trace_id: string;
  span_id: string | null;
  model: string | null;
  finish_reason: string | null;
  first_token_ms: number | null;
  latency_ms: number;
  usage: { input: number; output: number; reasoning: number; cache_read: number } | null;
  tokens_per_s: number | null;
  cost_usd: string | null;
  cached: boolean;
}

export interface ToolCall {
  name: string;
  arguments: string;
}

export interface Answer {
  state: "waiting" | "running" | "finished" | "failed" | "cancelled";
  text: string;
  reasoning: string;
  refusal: string;
  calls: ToolCall[];
  first_token_ms: number | null;
  figures: Figures | null;
  /** Why it failed, and what to do. */
  problem: { detail: string; fix: string | null } | null;
}

export interface Total {
  finished: number;
  failed: number;
  cancelled: number;
  cost_usd: string;
  unpriced: number;
}

export interface Told {
  stream: string | null;
  answers: Readonly<Record<string, Answer>>;
  total: Total | null;
}

export const NOTHING: Told = { stream: null, answers: {}, total: null };

const FRESH: Answer = {
  state: "waiting",
  text: "",
  reasoning: "",
  refusal: "",
  calls: [],
  first_token_ms: null,
  figures: null,
  problem: null,
};

/** Columns that were asked and of which nothing was heard yet. */
export function asked(ids: readonly string[]): Told {
  return { ...NOTHING, answers: Object.fromEntries(ids.map((id) => [id, FRESH])) };
}

export function isOver(answer: Answer): boolean {
  return answer.state !== "waiting" && answer.state !== "running";
}

/** What is told after some more events; those that cannot be read change nothing. */
export function told(before: Told, events: readonly { event: string; data: string }[]): Told {
  const answers = { ...before.answers };
  let { stream, total } = before;
  for (const { event, data } of events) {
    const said = parsed(data);
    if (!said) continue;
    if (event === "opened") stream = String(said.stream);
    else if (event === "done") total = said as unknown as Total;
    else {
      const id = String(said.column);
      const answer = answers[id];
      if (answer) answers[id] = heard(answer, event, said);
    }
  }
  return { stream, answers, total };
}

/** What is left when a stream breaks off: columns that had not ended have failed. */
export function brokenOff(before: Told, problem: Answer["problem"]): Told {
  const ended = Object.entries(before.answers).map(([id, answer]): [string, Answer] =>
    isOver(answer) ? [id, answer] : [id, { ...answer, state: "failed", problem }],
  );
  return { ...before, answers: Object.fromEntries(ended) };
}

type Wire = Record<string, unknown>;

function heard(answer: Answer, event: string, said: Wire): Answer {
  if (event === "started") return { ...answer, state: "running" };
  if (event === "first_token") return { ...answer, first_token_ms: Number(said.first_token_ms) };
  if (event === "delta") return said.choice ? answer : grown(answer, said);
  if (event === "finished" || event === "cancelled" || event === "failed") {
    const problem = said.problem as Wire | undefined;
    return {
      ...answer,
      state: event,
      figures: (said.figures as Figures | undefined) ?? null,
      problem: problem
        ? { detail: String(problem.detail), fix: problem.fix ? String(problem.fix) : null }
        : null,
    };
  }
  return answer;
}

/** Only the first of several answers is shown: the others have a number other than 0. */
function grown(answer: Answer, said: Wire): Answer {
  if (said.tool_call) return { ...answer, calls: called(answer.calls, said.tool_call as Wire) };
  const more = (name: "text" | "reasoning" | "refusal") =>
    typeof said[name] === "string" ? answer[name] + said[name] : answer[name];
  return {
    ...answer,
    text: more("text"),
    reasoning: more("reasoning"),
    refusal: more("refusal"),
  };
}

const MOST_CALLS = 200;

function called(calls: readonly ToolCall[], said: Wire): ToolCall[] {
  const index = Math.min(Number(said.index) || 0, MOST_CALLS);
  const next = [...calls];
  while (next.length <= index) next.push({ name: "", arguments: "" });
  const before = next[index] as ToolCall;
  next[index] = {
    name: before.name || String(said.name ?? ""),
    arguments: before.arguments + String(said.arguments ?? ""),
  };
  return next;
}

function parsed(data: string): Wire | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as Wire) : null;
  } catch {
    return null;
  }
}
