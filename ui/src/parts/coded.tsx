/** A part whose code is fetched when it is first shown.
 *
 * React's `lazy` would do, but what comes within 300 ms of a Suspense fallback is held back until
 * they are over, and every page would be as late.
 */
import {
  type ComponentType,
  type JSX,
  type ReactNode,
  startTransition,
  useEffect,
  useReducer,
  useState,
} from "react";
import { Problem, UNHEARD } from "@/api/client";
import { base } from "@/kit/place";

export type Load<P> = () => Promise<{ default: ComponentType<P> }>;

const come = new Map<unknown, unknown>();

/** Fetches the code, unless it is there: for when it will soon be shown. Rejects with a Problem. */
export async function ahead<P>(load: Load<P>): Promise<void> {
  if (!come.has(load)) come.set(load, (await load().catch(missed)).default);
}

/** The server is there and the code is not: an update took it away, or the browser forgets no failure. */
export class Stale extends Problem {
  constructor() {
    super(
      410,
      "This page is out of date",
      "Its code did not come; the server may have been updated since the page was opened.",
      null,
    );
  }
}

async function missed(): Promise<never> {
  const isThere = await fetch(base, { cache: "no-store" }).catch(() => null);
  throw isThere ? new Stale() : UNHEARD();
}

const RENEWED = "trimtab.renewed";

/** Loads the page anew where that mends it: once for each build in a tab, so never in a loop. */
function renewed(error: unknown): boolean {
  const build = document.querySelector<HTMLScriptElement>("script[type=module]")?.src ?? "";
  if (!(error instanceof Stale) || sessionStorage.getItem(RENEWED) === build) return false;
  sessionStorage.setItem(RENEWED, build);
  location.reload();
  return true;
}

/** The part, or `instead` until its code is there.
 *
 * `late` is for a part that takes long to draw: `instead` is on screen first, and the part follows
 * without holding up what is pressed meanwhile.
 *
 * @throws what went wrong with the fetching, while it is drawn; drawn anew, it is fetched again.
 */
export function Coded<P extends object>(props: {
  load: Load<P>;
  with: P & JSX.IntrinsicAttributes;
  instead: ReactNode;
  late?: boolean;
}) {
  const { load } = props;
  const [isDue, setDue] = useState(!props.late);
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  const [failed, setFailed] = useState<{ load: Load<P>; error: unknown } | null>(null);
  useState(() => void ahead(load).catch(() => {})); // already while this is drawn, not after it
  const Code = come.get(load) as ComponentType<P> | undefined;
  useEffect(() => {
    if (!Code) ahead(load).then(draw, (error) => renewed(error) || setFailed({ load, error }));
  }, [load, Code]);
  useEffect(() => startTransition(() => setDue(true)), []);
  if (failed?.load === load) throw failed.error;
  return Code && isDue ? <Code {...props.with} /> : props.instead;
}
