/** Asks the server of this page. Paths, queries, bodies and answers have the types of its description. */
import { base } from "@/kit/place";
import { projectOf } from "@/kit/project";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

type Method = "get" | "post" | "put" | "patch" | "delete";
type PathsOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> =
  paths[P] extends Record<M, infer O> ? O : never;
type Answer<O> = O extends { responses: { "2XX": { content: { "application/json": infer T } } } }
  ? T
  : unknown;
type Asked<O, K extends "path" | "query"> = O extends { parameters: infer A }
  ? K extends keyof A
    ? Exclude<A[K], undefined>
    : never
  : never;
/** What has a default may be left out of a body, at every depth; the server says what is missing. */
export type Draft<T> = T extends readonly (infer E)[]
  ? Draft<E>[]
  : T extends object
    ? { [K in keyof T]?: Draft<T[K]> }
    : T;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer T } } }
  ? Draft<T>
  : unknown;

interface Options<O> {
  path?: Asked<O, "path">;
  query?: { [K in keyof Asked<O, "query">]?: string | number | undefined };
  body?: Body<O>;
  signal?: AbortSignal | undefined;
}

/** What went wrong, where, and what to do, in the words of the server (RFC 9457). */
export class Problem extends Error {
  override name = "Problem";
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fix: string | null,
    readonly facts: Record<string, unknown> = {},
  ) {
    super(detail);
  }
  /** What a reader of the page can do; of a key and of what is not there, the page says it itself,
   * and what speaks of requests is for programs. */
  get advice(): string | null {
    const isOurs = this.status === 401 || this.status === 404 || /\/api\/v1\//.test(this.fix ?? "");
    return isOurs ? null : this.fix;
  }
  /** Whether asking again, unchanged, may go well. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Nobody is there. */
export const UNHEARD = () =>
  new Problem(0, "no answer", "The server does not answer.", "see whether it still runs");

const KEY = "trimtab.key";

/** The key of this tab, gone when the tab is closed. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value: string | null) =>
    value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY),
};

/** The project that is looked at; a server with keys takes it from the key. */
export const project = { get: () => projectOf(location.search) };

/** Told of every answer that says that a key is needed, whatever was asked. */
export const refusals = new EventTarget();

/** One request, whatever it answers with. Rejects with a Problem. */
export async function ask(target: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const secret = key.get();
  if (secret) headers.set("authorization", `Bearer ${secret}`);
  else if (project.get()) headers.set("x-trimtab-project", project.get());
  let reply: Response;
  try {
    reply = await fetch(new URL(target.replace(/^\//, ""), base), { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw UNHEARD();
  }
  if (reply.ok) return reply;
  const refused = await problem(reply);
  if (refused.status === 401) {
    const isChange = (init.method ?? "GET") !== "GET";
    const detail = { problem: refused, isChange };
    refusals.dispatchEvent(new CustomEvent("refused", { detail }));
  }
  throw refused;
}

async function problem(reply: Response): Promise<Problem> {
  const body = await reply.json().catch(() => null);
  const given = body && typeof body === "object" ? (body as Record<string, unknown>) : {};
  const said = given.error && typeof given.error === "object" ? inDialect(given.error) : given;
  const text = (name: string) => (typeof said[name] === "string" ? (said[name] as string) : null);
  return new Problem(
    reply.status,
    text("title") ?? reply.statusText,
    text("detail") ?? `The server answered with ${reply.status}.`,
    text("fix"),
    said,
  );
}

/** An error of the model API, which speaks the dialect of its callers. */
function inDialect(error: object): Record<string, unknown> {
  const { message, type, ...facts } = error as Record<string, unknown>;
  return { detail: message, title: String(type).replaceAll("_", " "), ...facts };
}

/** A path with its parameters filled in, and a query without what is empty. */
export function target(path: string, parameters: object = {}, query: object = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((parameters as Record<string, unknown>)[name])),
  );
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]));
  return pairs.length ? `${filled}?${search}` : filled;
}

function asking<M extends Method>(method: M) {
  return async <P extends PathsOf<M>>(
    path: P,
    options: Options<Operation<P, M>> = {},
  ): Promise<Answer<Operation<P, M>>> => {
    const init: RequestInit = { method: method.toUpperCase(), signal: options.signal ?? null };
    if (options.body !== undefined) {
      init.body = JSON.stringify(options.body);
      init.headers = { "content-type": "application/json" };
    }
    const reply = await ask(target(path, options.path, options.query), init);
    return (await reply.json()) as Answer<Operation<P, M>>;
  };
}

export const api = {
  get: asking("get"),
  post: asking("post"),
  put: asking("put"),
  patch: asking("patch"),
  delete: asking("delete"),
};
