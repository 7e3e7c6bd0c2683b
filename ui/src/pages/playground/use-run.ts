/** Asks columns and follows what they say; the page is drawn anew at most once a frame. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api, Problem } from "@/api/client";
import { changed } from "@/api/query";
import { events } from "@/api/stream";
import { type Board, type Ready, ready, type Sent } from "@/kit/board";
import { type Answer, asked, brokenOff, isOver, NOTHING, type Told, told } from "@/kit/streamed";
import { failed } from "@/parts/messages";

type Answers = Readonly<Record<string, Answer>>;

export function useRun(onEnd: (answers: Answers) => void) {
  const [state, setState] = useState<Told>(NOTHING);
  const [wrong, setWrong] = useState<Readonly<Record<string, readonly string[]>>>({});
  const [on, setOn] = useState(false);
  const live = useRef<{ told: Told; abort: AbortController } | null>(null);
  useEffect(() => () => live.current?.abort.abort(), []);
  const start = useCallback(
    (board: Board, values: Record<string, unknown>, only?: string) => {
      if (live.current) return;
      const chosen = board.columns.filter((one) => only === undefined || one.id === only);
      const all = chosen.map((one): [string, Ready] => [one.id, ready(one, board.turns, values)]);
      const sent = all.flatMap(([, one]) => (one.sent ? [one.sent] : []));
      setWrong(Object.fromEntries(all.map(([id, one]) => [id, one.wrong])));
      if (sent.length === 0) return;
      const own = { told: asked(sent.map((one) => one.id)), abort: new AbortController() };
      live.current = own;
      setOn(true);
      const show = () =>
        // a column that was not asked again keeps its answer
        setState((before) => ({
          ...own.told,
          answers: only ? { ...before.answers, ...own.told.answers } : own.told.answers,
        }));
      show();
      void follow(sent, own, show).then(() => {
        live.current = null;
        setOn(false);
        show();
        onEnd(own.told.answers);
        changed("traces", "metrics");
      });
    },
    [onEnd],
  );
  const stop = useCallback((column?: string) => {
    const own = live.current;
    const stream = own?.told.stream;
    if (!own || !stream) return own?.abort.abort();
    const asking = column
      ? api.delete("/api/v1/playground/streams/{stream}/columns/{column}", {
          path: { stream, column },
        })
      : api.delete("/api/v1/playground/streams/{stream}", { path: { stream } });
    asking.catch((error: unknown) => {
      if (!(error instanceof Problem && error.status === 404)) failed(error);
    });
  }, []);
  const show = useCallback((answers: Answers) => setState({ ...NOTHING, answers }), []);
  return { told: state, wrong, on, start, stop, show };
}

/** Reads a stream to its end, whatever that is. */
async function follow(
  columns: readonly Sent[],
  own: { told: Told; abort: AbortController },
  show: () => void,
): Promise<void> {
  let frame = 0;
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      show();
    });
  };
  try {
    const { signal } = own.abort;
    for await (const event of events("/api/v1/playground/streams", { body: { columns }, signal })) {
      own.told = told(own.told, [event]);
      draw();
    }
    const isWhole = Object.values(own.told.answers).every(isOver);
    if (!isWhole) own.told = brokenOff(own.told, CUT);
  } catch (error) {
    own.told = brokenOff(own.told, said(error));
  } finally {
    cancelAnimationFrame(frame);
  }
}

const CUT = { detail: "The server stopped telling before the end.", fix: "ask again" };

function said(error: unknown): Answer["problem"] {
  if (error instanceof Problem) return { detail: error.detail, fix: error.fix };
  if (error instanceof DOMException) return { detail: "Stopped before it began.", fix: null };
  return CUT;
}
