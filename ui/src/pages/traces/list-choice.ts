/** The traces that are chosen, whatever the filter: of each project, until the tab is closed. */
import { useEffect, useState } from "react";
import { api, project } from "@/api/client";
import { term } from "@/kit/filters";
import { keep, kept } from "@/kit/kept";

const AT_ONCE = 100; // their ids stand in an address
const ID = /^[0-9a-f]{32}$/;

export interface Choice {
  chosen: ReadonlySet<string>;
  toggle: (id: string) => void;
  /** These and no other. */
  choose: (ids: Iterable<string>) => void;
}

/** What was chosen before the page was opened counts from when the server, which is asked once
 * `on`, has said that it is still there. */
export function useChoice(on: boolean): Choice {
  const [name] = useState(() => `chosen.${project.get()}`);
  const [before, setBefore] = useState(() => read(name));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (!on || before.length === 0) return;
    const stop = new AbortController();
    const take = (ids: readonly string[]) => {
      setChosen((now) => new Set([...ids, ...now]));
      setBefore([]);
    };
    // while nobody answers it stays kept, and does not count
    there(before, stop.signal).then(take, () => {});
    return () => stop.abort();
  }, [on, before]);
  useEffect(() => {
    const ids = [...new Set([...before, ...chosen])];
    keep(name, ids.length > 0 ? ids.join(" ") : null, "sessionStorage");
  }, [name, before, chosen]);
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const choose = (ids: Iterable<string>) => {
    setBefore([]);
    setChosen(new Set(ids));
  };
  return { chosen, toggle, choose };
}

function read(name: string): readonly string[] {
  const ids = kept(name, "sessionStorage")?.split(" ") ?? [];
  return ids.filter((id) => ID.test(id));
}

/** Those of which there is a trace. */
async function there(ids: readonly string[], signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = ids.slice(at, at + AT_ONCE);
    const query = { filter: term("trace_id", ...some), limit: some.length };
    const { data } = await api.get("/api/v1/traces", { query, signal });
    found.push(...data.map((row) => row.trace_id));
  }
  return found;
}
