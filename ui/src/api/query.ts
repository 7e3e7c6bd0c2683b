/** What is asked for once and kept: TanStack Query with the house's habits. */
import {
  hashKey,
  keepPreviousData,
  QueryClient,
  type UseQueryResult,
  useQuery,
} from "@tanstack/react-query";
import { Problem, project } from "./client";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      queryKeyHashFn: (key) => hashKey([...key, project.get()]), // what is kept is of one project
      staleTime: 5_000,
      gcTime: 300_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && error instanceof Problem && error.passes,
      retryDelay: (count) => 400 * 2 ** count,
    },
  },
});

/** An answer of the server by what it depends on; what was there stays until the next is there.
 *
 * `key` begins with a noun of the API (`["traces", filter]`), so that a change can name what is old.
 */
export function useAnswer<T>(
  key: readonly unknown[],
  get: (signal: AbortSignal) => Promise<T>,
  options: { on?: boolean; every?: number } = {},
): UseQueryResult<T, Error> {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get(signal),
    enabled: options.on ?? true,
    refetchInterval: options.every ?? false,
    placeholderData: keepPreviousData,
  });
}

/** Forget what is kept of these nouns: it is asked for again where it is shown. */
export function changed(...nouns: string[]): void {
  for (const noun of nouns) void queries.invalidateQueries({ queryKey: [noun] });
}

/** The same where what shows them is about to be left: it is asked for when next it is shown. */
export function gone(...nouns: string[]): void {
  for (const noun of nouns)
    void queries.invalidateQueries({ queryKey: [noun], refetchType: "none" });
}
