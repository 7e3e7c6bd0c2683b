/** What the page of a trace asks the server for. */
import { useMemo, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { treeOf } from "@/api/tree";
import { critical, type Stretch } from "@/kit/critical";
import { isWithdrawn } from "@/kit/judged";
import { grown } from "@/kit/tree";

export type TraceTree = Schemas["TraceTree"];
export type Span = Schemas["Span"];
export type Score = Schemas["Score"];

const OPEN_MS = 2_000;

/** The tree of a trace with its critical path; asked for again while one of its spans goes on. */
export function useTree(trace_id: string) {
  const [goesOn, setGoesOn] = useState(false);
  const { key, get } = treeOf(trace_id);
  const answer = useAnswer(key, get, { every: goesOn ? OPEN_MS : 0 });
  const told = answer.data?.trace_id === trace_id ? answer.data : undefined;
  const isOpen = (told?.columns.open.length ?? 0) > 0;
  if (isOpen !== goesOn) setGoesOn(isOpen);
  const tree = useMemo(() => (told ? grown(told.columns) : undefined), [told]);
  const path = useMemo(() => (tree ? critical(tree) : new Map<number, Stretch[]>()), [tree]);
  return { answer, told, tree, path };
}

/** Every score of a trace, its spans' scores among them. */
export function useScores(trace_id: string): readonly Score[] {
  const { data } = useAnswer(["scores", trace_id], (signal) =>
    api.get("/api/v1/scores", { query: { trace_id, limit: 10_000 }, signal }),
  );
  return useMemo(() => (data?.data ?? []).filter((one) => !isWithdrawn(one)), [data]);
}

export function useSpan(trace_id: string, span_id: string) {
  const answer = useAnswer(["spans", trace_id, span_id], (signal) =>
    api.get("/api/v1/traces/{trace_id}/spans/{span_id}", { path: { trace_id, span_id }, signal }),
  );
  const isThere = answer.data?.span_id === span_id && answer.data.trace_id === trace_id;
  return { answer, span: answer.data, isThere };
}
