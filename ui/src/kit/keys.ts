/** Keys of a page: one letter, or two one after the other ("g t"); each says what it does. */
import { createContext, useContext, useEffect, useRef } from "react";
import { flushSync } from "react-dom";

export interface Binding {
  /** Of a key as the browser names it: "j", "Enter", "ctrl+k", or "g t" for two in a row. */
  keys: string;
  does: string;
  run: (event: KeyboardEvent) => void;
  /** Also while somebody writes in a field. */
  always?: boolean;
}

/** Whether a component is in a dialog: as long as one is open, only its keys are heard. */
export const InDialog = createContext(false);

interface Bound {
  current: readonly Binding[];
  isInDialog: boolean;
}

const bindings = new Set<Bound>();
const PAUSE_MS = 900;
let first = "";
let forget: ReturnType<typeof setTimeout> | undefined;

/** What can be pressed now, the newest component's keys first. */
export function pressable(isInDialog = document.querySelector("dialog:modal") !== null): Binding[] {
  return [...bindings]
    .reverse()
    .filter((one) => one.isInDialog === isInDialog)
    .flatMap((one) => one.current);
}

/** Keys that work while a component is there. */
export function useKeys(own: readonly Binding[]): void {
  const isInDialog = useContext(InDialog);
  const held = useRef<Bound>({ current: own, isInDialog });
  held.current.current = own;
  useEffect(() => {
    const bound = held.current;
    bindings.add(bound);
    return () => void bindings.delete(bound);
  }, []);
}

/** How long a key that was pressed too early may wait for what it means. */
const KEPT_MS = 5_000;
let early: KeyboardEvent[] = [];
let awaited = 0;

/** While a component waits for what has keys, such as a page, those that mean nothing yet are kept
 * for it; they are forgotten when the reader goes elsewhere. */
export function useEarlyKeys(waits = true): void {
  useEffect(() => {
    if (!waits) return;
    const here = location.pathname;
    awaited += 1;
    return () => {
      awaited -= 1;
      // when what takes its place has bound its keys
      queueMicrotask(() => (location.pathname === here ? again() : forgotten()));
    };
  }, [waits]);
}

function forgotten(): void {
  early = [];
}

function again(): void {
  const kept = early.filter((event) => event.timeStamp > performance.now() - KEPT_MS);
  early = [];
  for (const event of kept) {
    const binding = pressable().find((one) => one.keys === named(event));
    if (binding) run(binding, event);
    else if (awaited > 0) early.push(event);
  }
}

/** "ctrl+k" for Ctrl or ⌘ with k; the key alone otherwise. */
export function named(event: KeyboardEvent): string {
  return event.ctrlKey || event.metaKey ? `ctrl+${event.key.toLowerCase()}` : event.key;
}

function isWriting(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio)$/.test(target.type);
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Whether Enter is for what has the focus, which the browser then presses by itself. */
function isPressed(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, summary") !== null;
}

/** The binding that a press means, and whether a second press may follow. */
export function matching(
  open: readonly Binding[],
  before: string,
  pressed: string,
): { binding: Binding | undefined; waits: boolean } {
  const both = before ? `${before} ${pressed}` : pressed;
  const binding = open.find((one) => one.keys === both);
  return { binding, waits: !binding && open.some((one) => one.keys.startsWith(`${pressed} `)) };
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  if (event.key === "Enter" && isPressed(event.target)) return;
  const writes = isWriting(event.target);
  const open = pressable().filter((one) => !writes || one.always);
  const pressed = named(event);
  const { binding, waits } = matching(open, writes ? "" : first, pressed);
  clearTimeout(forget);
  first = "";
  if (binding) {
    event.preventDefault();
    run(binding, event);
  } else if (waits) {
    first = pressed;
    forget = setTimeout(() => {
      first = "";
    }, PAUSE_MS);
  } else if (awaited > 0 && !writes && !event.repeat) early.push(event);
}

function run(binding: Binding, event: KeyboardEvent): void {
  // drawn before the next press, which may mean what this one brought
  flushSync(() => binding.run(event));
}

/** Called once, by the application. */
export function listen(): () => void {
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
