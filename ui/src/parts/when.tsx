import { useSyncExternalStore } from "react";
import { ago, moment } from "@/kit/format";

let now = Date.now();
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const one of watchers) one();
  }, 10_000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** How long ago; the moment itself stands in the title. */
export function When({ ns }: { ns: number }) {
  const at = useSyncExternalStore(watch, () => Math.max(now, ns / 1e6));
  return <time title={moment(ns)}>{ago(ns, at)}</time>;
}
