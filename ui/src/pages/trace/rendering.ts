/** How payloads are shown: as the address says, or as it was last chosen in this browser. */
import { useParam } from "@/kit/state";

export const RENDERINGS = ["Chat", "Text", "JSON"] as const;
export type Rendering = (typeof RENDERINGS)[number];

const STORE = "trimtab.rendering";

export function useRendering(): [Rendering, (to: Rendering) => void] {
  const [param, setParam] = useParam("as");
  const named = param || localStorage.getItem(STORE);
  const now = RENDERINGS.find((one) => one === named) ?? "Chat";
  const set = (to: Rendering) => {
    localStorage.setItem(STORE, to);
    setParam(to);
  };
  return [now, set];
}
