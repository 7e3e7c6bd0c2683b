/** What somebody rests on is what they are likely to open. */
import { useCallback, useEffect, useRef } from "react";

/** Shorter than a hand takes to press, longer than a pointer takes to pass a row. */
const RESTS_MS = 80;

/** Tells of the last of the things that somebody came to, once they have rested on it. */
export function useResting<T>(tell: ((one: T) => void) | undefined): (one: T | undefined) => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(
    (one) => {
      clearTimeout(timer.current);
      if (one !== undefined) timer.current = setTimeout(() => tell?.(one), RESTS_MS);
    },
    [tell],
  );
}
