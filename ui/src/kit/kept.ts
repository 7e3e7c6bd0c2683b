/** What this browser keeps for its user: habits, and for a tab what was chosen in it; never records. */
import { useState } from "react";

const PREFIX = "trimtab.";

/** For good, or until the tab is closed. */
type Where = "localStorage" | "sessionStorage";

export function kept(name: string, where: Where = "localStorage"): string | null {
  try {
    return globalThis[where].getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string | null, where: Where = "localStorage"): void {
  try {
    if (value === null) globalThis[where].removeItem(PREFIX + name);
    else globalThis[where].setItem(PREFIX + name, value);
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
