/** Traces as they are recorded. Rows come once a frame however many arrive, and wait while the
 * reader is elsewhere. */
import { useCallback, useEffect, useRef, useState } from "react";
import { target } from "@/api/client";
import { events } from "@/api/stream";
import { joined } from "@/kit/tail";
import type { Row } from "./list-columns";

const MOST = 2_000;
const AGAIN_MS = 1_500;
const key = (row: Row) => row.trace_id;

export interface Tail {
  rows: readonly Row[];
  /** How many wait to be shown; `MOST` may be more. */
  waiting: number;
  /** Spans that were passed over because the reader was too slow. */
  missed: number;
  /** Whether the server is heard. */
  on: boolean;
  show: () => void;
}

export function useTail(filter: string, follow: boolean, hold: boolean): Tail {
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [waiting, setWaiting] = useState<readonly Row[]>([]);
  const [missed, setMissed] = useState(0);
  const [on, setOn] = useState(false);
  const held = useRef(hold);
  held.current = hold;

  useEffect(() => {
    setRows([]);
    setWaiting([]);
    setMissed(0);
    if (!follow) return;
    const stop = new AbortController();
    let arrived: Row[] = [];
    let frame = 0;
    const flush = () => {
      frame = 0;
      const batch = arrived;
      arrived = [];
      const into = held.current ? setWaiting : setRows;
      into((before) => joined(batch, before, key, MOST));
    };
    const take = (row: Row) => {
      arrived.unshift(row);
      if (!frame) frame = requestAnimationFrame(flush);
    };
    void listen(filter, stop.signal, take, setMissed, setOn);
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [filter, follow]);

  const show = useCallback(() => {
    setRows((before) => joined(waiting, before, key, MOST));
    setWaiting([]);
  }, [waiting]);
  // whoever comes back to the top sees what waited
  useEffect(() => {
    if (!hold && waiting.length > 0) show();
  }, [hold, waiting.length, show]);
  return { rows, waiting: waiting.length, missed, on, show };
}

/** Follow until it is stopped; a connection that is lost goes on behind what came last. */
async function listen(
  filter: string,
  signal: AbortSignal,
  take: (row: Row) => void,
  setMissed: (change: (before: number) => number) => void,
  setOn: (on: boolean) => void,
): Promise<void> {
  let last = "";
  while (!signal.aborted) {
    try {
      const path = target("/api/v1/traces/tail", {}, { filter });
      setOn(true);
      for await (const one of events(path, last ? { signal, last } : { signal })) {
        last = one.id || last;
        if (one.event === "trace") take(JSON.parse(one.data) as Row);
        else if (one.event === "missed") {
          const { spans } = JSON.parse(one.data) as { spans: number };
          setMissed((before) => before + spans);
        }
      }
    } catch {
      // asked again below; the list itself says what is wrong with a filter
    }
    if (signal.aborted) return;
    setOn(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
