/** What this browser keeps for its user: habits, never records. */
import { useState } from "react";

const PREFIX = "trimtab.";

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // a browser that keeps nothing is no reason to fail
  }
}

/** A text that outlives the page. */
export function useKept(name: string, fallback: string): [string, (value: string) => void] {
  const [value, setValue] = useState(() => kept(name) ?? fallback);
  const set = (next: string) => {
    keep(name, next === fallback ? null : next);
    setValue(next);
  };
  return [value, set];
}
