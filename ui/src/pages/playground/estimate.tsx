/** What a column would send, before it is sent: how long, what it costs, or why it cannot be. */
import { useEffect, useState } from "react";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { type Board, type Column, ready, type Sent } from "@/kit/board";
import { count, money } from "@/kit/format";
import type { Read } from "@/kit/values";
import { visible } from "@/kit/visible";
import { sending } from "./sending";

const PAUSE_MS = 500;
const MOST_CHARS = 200_000;

export function Estimate(props: { board: Board; column: Column; given: Read }) {
  const { board, column, given } = props;
  const { sent } = ready(column, board.turns, given.values);
  const chars = [...column.words, ...board.turns].reduce((sum, one) => sum + one.text.length, 0);
  const text = sent && chars <= MOST_CHARS ? JSON.stringify(sent) : "";
  const [settled, setSettled] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const { data, isPlaceholderData } = useAnswer(
    ["rendered", settled],
    (signal) =>
      api.post("/api/v1/playground/render", {
        body: { columns: sending([JSON.parse(settled) as Sent]) },
        signal,
      }),
    { on: settled !== "" },
  );
  if (!sent || !data || isPlaceholderData || settled !== text)
    return <p className="playground-estimate soft">{"\u00a0"}</p>;
  const [one] = data.data;
  if (!one?.preview)
    return <p className="playground-estimate soft">{visible(detail(one?.problem))}</p>;
  const { tokens, models } = one.preview;
  const cost = models.find((model) => model.cost_usd !== null)?.cost_usd;
  return (
    <p className="playground-estimate soft">
      About {count(tokens)} tokens{cost !== undefined && `, ${money(cost)}`} before the answer
    </p>
  );
}

function detail(problem: unknown): string {
  const said = problem as { detail?: unknown } | null | undefined;
  return typeof said?.detail === "string" ? `As it is: ${said.detail}.` : "";
}
