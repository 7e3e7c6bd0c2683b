/** State that lives in the address, so that a link shows what its sender saw. */
import { useCallback } from "react";
import { navigate, usePathname, useSearch } from "wouter/use-browser-location";

type Changes = Readonly<Record<string, string>>;

/** One parameter of the address. Empty is not written. */
export function useParam(name: string, fallback = ""): [string, (value: string) => void] {
  return useWritten(name, fallback, patch);
}

/** One whose changes are steps that Back undoes: a filter, a tab; not what is still being typed. */
export function useStep(name: string, fallback = ""): [string, (value: string) => void] {
  return useWritten(name, fallback, step);
}

function useWritten(name: string, fallback: string, write: (changes: Changes) => void) {
  const value = new URLSearchParams(useSearch()).get(name) ?? fallback;
  const set = useCallback(
    (next: string) => write({ [name]: next === fallback ? "" : next }),
    [name, fallback, write],
  );
  return [value, set] satisfies [string, (value: string) => void];
}

/** All of the address's parameters. */
export function useParams(): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(useSearch()));
}

/** Change some parameters at once; what is empty is taken out. The page before stays one step back. */
export function patch(changes: Changes): void {
  navigate(`${location.pathname}${patched(location.search, changes)}`, { replace: true });
}

/** The same as a step that Back undoes. */
export function step(changes: Changes): void {
  const search = patched(location.search, changes);
  const isSame = search === patched(location.search, {});
  navigate(`${location.pathname}${search}`, { replace: isSame });
}

/** The query of an address with some parameters changed. */
export function patched(search: string, changes: Changes): string {
  const next = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  return text && `?${text}`;
}

/** The last part of the address's path, whatever characters it has: the id of a record. */
export function usePathEnd(): string {
  return ended(usePathname());
}

/** `"/sessions/a%2Fb"` is "a/b". */
export function ended(path: string): string {
  const last = path.slice(path.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** The list above a record: of `"/traces/4bf9/diff/1"` "traces"; of a page that is no record's "". */
export function above(path: string): string {
  return /^\/([^/]+)\/./.exec(path)?.[1] ?? "";
}
