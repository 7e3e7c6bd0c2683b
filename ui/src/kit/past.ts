/** What was asked before, the newest first; kept in the browser, so within bounds. */

import type { Board } from "./board";
import { boardOf } from "./link";
import { type Answer, isOver } from "./streamed";
import { isObject, json } from "./values";

export interface Past {
  at_ms: number;
  board: Board;
  answers: Readonly<Record<string, Answer>>;
}

const MOST = 30;
const MOST_CHARS = 1_000_000;
const LONGEST_ANSWER = 20_000;

/** With one more; the oldest go. */
export function remembered(before: readonly Past[], one: Past): Past[] {
  const kept: Past[] = [];
  let chars = 0;
  for (const past of [short(one), ...before].slice(0, MOST)) {
    chars += JSON.stringify(past).length;
    if (chars > MOST_CHARS && kept.length > 0) break;
    kept.push(past);
  }
  return kept;
}

function short(one: Past): Past {
  const answers = Object.entries(one.answers).map(([id, answer]) => [
    id,
    {
      ...answer,
      text: answer.text.slice(0, LONGEST_ANSWER),
      reasoning: answer.reasoning.slice(0, LONGEST_ANSWER),
      calls: answer.calls.slice(0, 20),
    },
  ]);
  return { ...one, answers: Object.fromEntries(answers) };
}

/** What a browser kept, or nothing where it cannot be read. */
export function pastOf(text: string | null): Past[] {
  const value = text === null ? null : json(text);
  if (!Array.isArray(value)) return [];
  return value.flatMap((one) => {
    if (!isObject(one) || typeof one.at_ms !== "number" || !isObject(one.answers)) return [];
    const board = boardOf(one.board);
    const answers = one.answers as Record<string, Answer>;
    const whole = Object.values(answers).every((answer) => isObject(answer) && isOver(answer));
    return board && whole ? [{ at_ms: one.at_ms, board, answers }] : [];
  });
}
