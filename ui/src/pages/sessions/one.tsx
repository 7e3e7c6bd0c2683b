import { useInfiniteQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { Link, useLocation } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { term, tracesOf } from "@/kit/filters";
import { useKeys } from "@/kit/keys";
import { usePathEnd } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { figuresOf } from "@/parts/groups";
import { Turn } from "./turn";
import "./one.css";

const AT_ONCE = 50;

export default function Session() {
  const [, go] = useLocation();
  const id = usePathEnd();
  const filter = term("session", id);
  const own = useAnswer(["sessions", filter], (signal) =>
    api.get("/api/v1/sessions", { query: { filter }, signal }),
  );
  const found = useTurns(filter);
  const list = useRef<HTMLDivElement>(null);
  // the newest are asked for first, and a conversation is read from its beginning
  const rows = (found.data?.pages.flatMap((page) => page.data) ?? []).reverse();
  const group = own.data?.data.find((one) => one.key === id);
  const user = rows.find((row) => row.user)?.user;
  const move = (by: number) => {
    const turns = [...(list.current?.querySelectorAll<HTMLElement>("article") ?? [])];
    const at = turns.indexOf(document.activeElement?.closest("article") as HTMLElement);
    const next = at < 0 ? (by > 0 ? 0 : turns.length - 1) : at + by;
    turns[Math.max(0, Math.min(next, turns.length - 1))]?.focus();
  };
  useKeys([
    { keys: "j", does: "next turn", run: () => move(1) },
    { keys: "k", does: "turn before", run: () => move(-1) },
    {
      keys: "Enter",
      does: "open the trace of the turn",
      run: () => {
        const turn = document.activeElement?.closest<HTMLElement>("article");
        if (turn) go(`/traces/${turn.dataset.trace}`);
      },
    },
  ]);
  const error = found.error ?? own.error;
  return (
    <Frame
      title={`Session ${visible(id).slice(0, 120)}`}
      note={
        user && (
          <>
            of{" "}
            <Link href={`/users/${encodeURIComponent(user)}`}>{visible(user).slice(0, 120)}</Link>
          </>
        )
      }
      actions={<Copy text={id} label="Copy the name" />}
    >
      {error && <Failure error={error} again={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && (
        <Empty title="Nothing is recorded of this session">
          <Link href="/sessions">All sessions</Link>
        </Empty>
      )}
      {group && (
        <Figures label="Figures of the session" figures={figuresOf(group, tracesOf(filter))} />
      )}
      <div ref={list} className="sessions-turns">
        {found.hasNextPage && (
          <Button disabled={found.isFetching} onClick={() => void found.fetchNextPage()}>
            Show {AT_ONCE} earlier
          </Button>
        )}
        {rows.map((row) => (
          <Turn key={row.trace_id} row={row} />
        ))}
      </div>
    </Frame>
  );
}

function useTurns(filter: string) {
  return useInfiniteQuery({
    queryKey: ["traces", "turns", filter],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/traces", { query: { filter, limit: AT_ONCE, page: pageParam }, signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
  });
}
