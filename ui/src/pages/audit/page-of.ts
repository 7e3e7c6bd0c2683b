import { PAGES } from "@/pages";

/** The pages of what an entry is about, by the noun of its action. */
const OF: Record<string, string> = {
  dataset: "/datasets/:name",
  prompt: "/prompts/:name",
  probe: "/probes/:name",
  plan: "/plans/declared?plan=:name",
  release: "/releases/:name",
  allowance: "/settings/allowances",
  model: "/settings/models",
  key: "/gateway/keys?key=:name",
  route: "/gateway?route=:name",
  guard_policy: "/guards/policies?policy=:name",
};
const GONE = ["delete", "remove"];

/** Where an entry leads; null where there is no such page, or nothing left to show on it. */
export function pageOf(action: string, object: string): string | null {
  const [noun = "", verb = ""] = action.split(".");
  const page = OF[noun];
  if (!page || GONE.includes(verb) || !PAGES.some((one) => shape(one.path) === shape(page)))
    return null;
  return page.replace(":name", encodeURIComponent(object.replace(/@[^@]*$/, "")));
}

/** A path whatever its parameter is called. */
const shape = (path: string) => path.replace(/\?.*$/, "").replace(/:\w+/, ":");
