/** The development server answers every page itself, at the root; built pages are told by the server. */
import type { Plugin } from "vite";

export function place(): Plugin {
  return {
    name: "place",
    apply: "serve",
    transformIndexHtml: (html) => html.replace('<base href="./">', '<base href="/">'),
  };
}
