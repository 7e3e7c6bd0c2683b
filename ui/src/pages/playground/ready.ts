/** What the prompts of a board ask for, and what each of its columns would send. */
import { useQueries } from "@tanstack/react-query";
import { api, type Schemas } from "@/api/client";
import { type Board, wanted } from "@/kit/board";
import { type Wanted, wantedOf } from "@/kit/values";

export type Stored = ReadonlyMap<string, Schemas["Prompt"]>;

/** The stored prompts that columns name, and the variables of all columns. */
export function useReady(board: Board): { stored: Stored; wanted: readonly Wanted[] } {
  const refs = [...new Set(board.columns.map((one) => one.prompt).filter(Boolean))];
  const found = useQueries({
    queries: refs.map((ref) => ({
      queryKey: ["prompts", "one", ref],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get("/api/v1/prompts/{ref}", { path: { ref }, signal }),
      retry: false,
    })),
    combine: (answers) => answers.map((one) => one.data),
  });
  const pairs = refs.flatMap((ref, at): [string, Schemas["Prompt"]][] => {
    const prompt = found[at];
    return prompt ? [[ref, prompt]] : [];
  });
  const asked = pairs.map(([ref, one]): [string, Wanted[]] => [
    ref,
    wantedOf(one.variables, one.declared),
  ]);
  return { stored: new Map(pairs), wanted: wanted(board, new Map(asked)) };
}
