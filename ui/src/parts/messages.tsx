/** What was done, with a way back where there is one; what failed, until it is read. */
import { useSyncExternalStore } from "react";
import { Problem } from "@/api/client";
import { Button } from "@/parts/button";
import "./messages.css";

export interface Message {
  text: string;
  kind: "done" | "failed";
  undo?: (() => void) | undefined;
}

let shown: readonly (Message & { id: number })[] = [];
let last = 0;
const watchers = new Set<() => void>();
const STAYS_MS = 15_000;

function set(next: typeof shown): void {
  shown = next;
  for (const watcher of watchers) watcher();
}

function close(id: number): void {
  set(shown.filter((one) => one.id !== id));
}

function show(message: Message): void {
  const id = ++last;
  set([...shown.slice(-3), { ...message, id }]);
  if (message.kind === "done") setTimeout(() => close(id), STAYS_MS);
}

/** Say that something was done; `undo` is offered for some seconds. */
export function done(text: string, undo?: () => void): void {
  show({ text, kind: "done", undo });
}

/** Say what failed, in the words of the server. */
export function failed(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const fix = error instanceof Problem && error.advice ? ` ${error.advice}.` : "";
  show({ text: text + fix, kind: "failed" });
}

export function Messages() {
  const messages = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => shown,
  );
  return (
    <div className="messages" role="status" aria-live="polite">
      {messages.map((one) => (
        <div key={one.id} className={`message ${one.kind}`}>
          <span className="grow">
            {one.kind === "failed" ? "✕ " : "✓ "}
            {one.text}
          </span>
          {one.undo && (
            <Button
              onClick={() => {
                one.undo?.();
                close(one.id);
              }}
            >
              Undo
            </Button>
          )}
          <Button kind="quiet" aria-label="Close the message" onClick={() => close(one.id)}>
            ✕
          </Button>
        </div>
      ))}
    </div>
  );
}
