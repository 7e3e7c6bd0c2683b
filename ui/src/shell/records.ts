/** Records with names of their own, for those who look for one by its name. */
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useReleases } from "@/api/releases";
import { visible } from "@/kit/visible";
import type { Entry } from "@/shell/finding";

/** What is there so far; what a key may not read is not. */
export function useRecords(): Entry[] {
  const prompts = useAnswer(["prompts", "names"], (signal) =>
    api.get("/api/v1/prompt-entries", { signal }),
  );
  const datasets = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  const releases = useReleases();
  const routes = new Set(releases.data?.data.map((one) => one.route));
  return [
    ...(prompts.data?.data ?? []).map((one) => entry("prompt", "/prompts", one.name)),
    ...(datasets.data?.data ?? []).map((one) => entry("dataset", "/datasets", one.name)),
    ...[...routes].map((route) => entry("releases", "/releases", route)),
  ];
}

function entry(detail: string, list: string, name: string): Entry {
  return { title: visible(name), detail, href: `${list}/${encodeURIComponent(name)}` };
}
