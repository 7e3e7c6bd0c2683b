import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { codeOfPages } from "./build/code-of-pages";
import { compress } from "./build/compress";
import { place } from "./build/place";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const folder = here("../src/trimtab/ui/static");
const server = process.env.TRIMTAB_URL ?? "http://127.0.0.1:8321";

/** Parts that few pages show, and those that bring a library along. */
const SELDOM = /\/(drawn|words|template|variables|slices|interval|marked)\.tsx$/;

export default defineConfig({
  base: "./",
  plugins: [react(), place(), codeOfPages(), compress(folder)],
  resolve: { alias: { "@": here("./src") } },
  build: {
    outDir: folder,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false, // all of it is 9 kB: one file is quicker than a dozen
    rollupOptions: { output: { manualChunks: shared } },
  },
  server: { proxy: { "/api": server, "/v1": server } },
});

/** What most pages share is one file, not thirty: a browser asks for six at a time. */
function shared(id: string): string | undefined {
  if (/node_modules\/@tanstack\/(react-virtual|virtual-core)\//.test(id)) return "shared";
  if (!/\/ui\/src\/(parts|api)\//.test(id) || SELDOM.test(id)) return undefined;
  return "shared";
}
