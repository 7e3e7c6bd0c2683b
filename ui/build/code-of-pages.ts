/** Tells the server which files hold the code of each page, so that they are asked for with the page. */
import type { OutputBundle, OutputChunk } from "rollup";
import type { Plugin } from "vite";

const PAGES = /\/src\/pages\.ts$/;
const PAGE = /path: "([^"]+)"|import\("@\/([^"]+)"\)/g;

/** Writes `pages.json`: a list of [address as the router reads it, files]. */
export function codeOfPages(): Plugin {
  let pages: [string, string][] = [];
  return {
    name: "code-of-pages",
    enforce: "post", // after files of nothing but styles have been taken out
    apply: "build",
    transform(code, id) {
      if (PAGES.test(id)) pages = declared(code);
    },
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
      const start = chunks
        .filter((chunk) => chunk.isEntry)
        .flatMap((chunk) => needed(chunk, bundle));
      const files = pages.map(([path, module]) => {
        const chunk = chunks.find((one) =>
          one.moduleIds.some((id) => id.endsWith(`/src/${module}.tsx`)),
        );
        if (!chunk) this.error(`no file has the code of ${path}`);
        return [path, needed(chunk, bundle).filter((name) => !start.includes(name))];
      });
      if (files.length === 0) this.error("no page was found in pages.ts");
      this.emitFile({ type: "asset", fileName: "pages.json", source: JSON.stringify(files) });
    },
  };
}

/** Addresses and modules stand by turns. */
function declared(code: string): [string, string][] {
  const found = [...code.matchAll(PAGE)];
  return found.flatMap(([, path], at) => {
    const module = found[at + 1]?.[2];
    if (path && !module) throw new Error(`${path} in pages.ts has no code`);
    return path && module ? [[path, module] satisfies [string, string]] : [];
  });
}

/** A file and what it imports. */
function needed(chunk: OutputChunk, bundle: OutputBundle, known = new Set<string>()): string[] {
  known.add(chunk.fileName);
  for (const name of chunk.imports) {
    const one = bundle[name];
    if (one?.type === "chunk" && !known.has(name)) needed(one, bundle, known);
  }
  return [...known];
}
