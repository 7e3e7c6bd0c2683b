/** Releases as the server lists them, and what people call them. */
import { api, type Schemas } from "./client";
import { useAnswer } from "./query";

export function useReleases(on = true) {
  return useAnswer(["releases"], (signal) => api.get("/api/v1/releases", { signal }), { on });
}

/** The release of an id and its name, `shop@3`; the id where none is known by it. */
export function useRelease(id: string | null): {
  name: string | null;
  release: Schemas["Release"] | undefined;
} {
  const { data } = useReleases(id !== null);
  const release = data?.data.find((one) => one.release_id === id);
  return { name: release ? `${release.route}@${release.version}` : id, release };
}
