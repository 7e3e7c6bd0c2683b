/** The project that a tab looks at: a parameter of every address, left out where it is the server's own. */
import type { BaseLocationHook } from "wouter";
import { navigate, useBrowserLocation, useSearch } from "wouter/use-browser-location";
import { patched } from "./state";

const PARAMETER = "project";

/** The project of an address's query; empty is the server's own. */
export function projectOf(search: string): string {
  return new URLSearchParams(search).get(PARAMETER) ?? "";
}

export function useProject(): string {
  return projectOf(useSearch());
}

/** An address in a project, unless it names one itself.
 *
 * `"/traces?live=1#a"` in "shop" is `"/traces?live=1&project=shop#a"`.
 */
export function within(href: string, project: string): string {
  const [, path = "", search = "", hash = ""] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(href) ?? [];
  if (!project || new URLSearchParams(search).has(PARAMETER)) return href;
  return `${path}${patched(search, { [PARAMETER]: project })}${hash}`;
}

/** The address of a link: it leads on in the project that is looked at. */
export function kept(href: string): string {
  return within(href, projectOf(location.search));
}

const go: typeof navigate = (to, options) => navigate(kept(String(to)), options);

/** Where the router is, and how it goes on: in the same project. */
export const usePlace: BaseLocationHook = () => {
  const [here] = useBrowserLocation();
  return [here, go];
};
