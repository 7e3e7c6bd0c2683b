/** Where a reader stood in a list, by step of the tab's history: Back leads there again. */

export interface Standing {
  /** How far the list was scrolled, in pixels. */
  top: number;
  /** The row of the cursor: its place, and its key unless it is the first. */
  at: number;
  key: string | null;
}

const MOST = 200;
const standings = new Map<string, Standing>();
const loaded = Date.now().toString(36); // names of steps outlive the page, what stands here does not
let made = 0;

/** Nothing on a step that is new, and on all of them once the page was loaded anew. */
export function stood(): Standing | undefined {
  return standings.get(nameOf(history.state));
}

export function stand(standing: Standing): void {
  let name = nameOf(history.state);
  if (!name) {
    name = `${loaded}.${made++}`;
    history.replaceState({ ...history.state, step: name }, "");
  }
  standings.delete(name);
  standings.set(name, standing);
  const [oldest] = standings.keys();
  if (standings.size > MOST && oldest) standings.delete(oldest);
}

function nameOf(state: unknown): string {
  const named = typeof state === "object" && state !== null && "step" in state;
  return named ? String(state.step) : "";
}
