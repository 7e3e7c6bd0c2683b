/** The board of the page: from the link that opened it, a prompt, a recorded call, or as it was left. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { BLANK, type Board, fresh, lineOf, type Message } from "@/kit/board";
import { keep, kept } from "@/kit/kept";
import { boardOf, decoded, encoded } from "@/kit/link";
import { useParams } from "@/kit/state";
import { json, written } from "@/kit/values";

export type Recorded = Schemas["Recorded"];

const LEFT = "playground.left";
const PAUSE_MS = 400;
const MOST_CHARS = 1_000_000;

export function useBoard(models: readonly string[] | null) {
  const { from = "", prompt = "", model = "" } = useParams();
  const isNew = useParams().new === "1";
  const [board, setBoard] = useState<Board | null>(() => decoded(location.hash.slice(1)));
  const [trace_id = "", span_id = ""] = from.split("/");
  const recorded = useAnswer(
    ["recorded", trace_id, span_id],
    (signal) =>
      api.get("/api/v1/playground/from-span/{trace_id}/{span_id}", {
        path: { trace_id, span_id },
        signal,
      }),
    { on: from !== "" },
  );
  const begun = from ? (recorded.data ?? null) : null;
  useEffect(() => {
    if (board || models === null) return;
    const usual = model || preferred(models);
    if (from) {
      if (begun) setBoard(replayed(begun, models));
    } else if (prompt) setBoard(asking(prompt, usual));
    else setBoard((isNew ? null : left()) ?? fresh(usual));
  }, [board, models, from, begun, prompt, model, isNew]);
  useKeptBoard(board);
  const again = useCallback(() => void recorded.refetch(), [recorded.refetch]);
  const error = from && !board ? recorded.error : null;
  return { board, setBoard, begun, error, again };
}

/** What is written stays in the address, behind its `#`, and in this browser. */
function useKeptBoard(board: Board | null): void {
  const held = useRef(board);
  held.current = board;
  useEffect(() => {
    const leave = () => keepBoard(held.current);
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      leave();
    };
  }, []);
  useEffect(() => {
    if (!board) return;
    const timer = setTimeout(() => {
      const { pathname, search } = location;
      if (!pathname.endsWith("/playground")) return;
      const hash = encoded(board);
      history.replaceState(history.state, "", `${pathname}${search}${hash && `#${hash}`}`);
      keepBoard(board);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [board]);
}

function keepBoard(board: Board | null): void {
  const whole = JSON.stringify(board);
  if (board) keep(LEFT, whole.length <= MOST_CHARS ? whole : null);
}

function left(): Board | null {
  const text = kept(LEFT);
  return text === null ? null : boardOf(json(text));
}

/** A model by its own name, before routes. */
export function preferred(models: readonly string[]): string {
  return models.find((one) => one.includes("/")) ?? models[0] ?? "";
}

function asking(prompt: string, model: string): Board {
  const board = fresh(model);
  return { ...board, columns: [{ ...BLANK, model, prompt, words: [] }] };
}

/** A recorded call: its words are those of the column, to be edited and sent as they stand. */
function replayed(recorded: Recorded, models: readonly string[]): Board {
  const { column } = recorded;
  const lines = column.messages.map((one) => lineOf(one as Message));
  const text = (value: unknown) => (value ? JSON.stringify(value, null, 2) : "");
  const isSet = Object.keys(column.parameters).length > 0;
  const model = models.includes(column.model) ? column.model : preferred(models);
  return {
    columns: [
      {
        ...BLANK,
        model,
        prompt: column.prompt ?? "",
        words: column.prompt ? [] : lines,
        isTemplate: false,
        parameters: isSet ? text(column.parameters) : "",
        tools: text(column.tools),
        schema: text(column.output_schema),
      },
    ],
    values: Object.fromEntries(
      Object.entries(column.variables).map(([name, value]) => [name, written(value)]),
    ),
    turns: column.prompt ? lines : [],
  };
}
