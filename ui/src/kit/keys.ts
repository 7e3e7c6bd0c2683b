/** Keys of a page: one letter, or two one after the other ("g t"); each says what it does. */
import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";

export interface Binding {
  /** Of a key as the browser names it: "j", "Enter", "ctrl+k", or "g t" for two in a row. */
  keys: string;
  does: string;
  run: (event: KeyboardEvent) => void;
  /** Also while somebody writes in a field. */
  always?: boolean;
}

const bindings = new Set<{ current: readonly Binding[] }>();
const PAUSE_MS = 900;
let first = "";
let early: KeyboardEvent[] | null = null;
let forget: ReturnType<typeof setTimeout> | undefined;

/** What can be pressed now, the newest page's keys first. */
export function pressable(): Binding[] {
  return [...bindings].reverse().flatMap((one) => one.current);
}

/** Keys that work while a component is there. */
export function useKeys(own: readonly Binding[]): void {
  const held = useRef(own);
  held.current = own;
  useEffect(() => {
    bindings.add(held);
    return () => void bindings.delete(held);
  }, []);
}

/** While a component stands in for a page, what is pressed for that page waits for it. */
export function useEarlyKeys(): void {
  useEffect(() => {
    early = [];
    return () => {
      const pressed = early ?? [];
      early = null;
      // when the page that takes its place has bound its keys
      queueMicrotask(() => pressed.forEach(onKey));
    };
  }, []);
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
  const writes = isWriting(event.target);
  const open = pressable().filter((one) => !writes || one.always);
  const pressed = named(event);
  const { binding, waits } = matching(open, writes ? "" : first, pressed);
  clearTimeout(forget);
  first = "";
  if (binding) {
    event.preventDefault();
    // drawn before the next press, which may mean what this one brought
    flushSync(() => binding.run(event));
  } else if (waits) {
    first = pressed;
    forget = setTimeout(() => {
      first = "";
    }, PAUSE_MS);
  } else if (!writes) early?.push(event);
}

/** Called once, by the application. */
export function listen(): () => void {
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
