/** Two traces compared: the same spans in the same rows, and what changed in one of them. */
import { useMemo } from "react";
import { Link, useLocation, useParams } from "wouter";
import { aligned, type Pair } from "@/kit/align";
import { count, duration, money, signed } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam } from "@/kit/state";
import { head, visible } from "@/kit/visible";
import { Kind, Status } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { Changed } from "./changed";
import { useTree } from "./data";
import "./diff.css";
import "./trace.css";

export default function TraceDiff() {
  const { id = "", other = "" } = useParams<{ id: string; other: string }>();
  const [, go] = useLocation();
  const [now, old] = [useTree(id), useTree(other)];
  const [chosen, setChosen] = useParam("row");
  const [only, setOnly] = useParam("only");
  useKeys([
    { keys: "u", does: "back to the trace", run: () => go(`/traces/${id}`) },
    {
      keys: "c",
      does: "only rows that changed",
      run: () => setOnly(only ? "" : "changed"),
    },
    { keys: "s", does: "swap the two traces", run: () => go(`/traces/${other}/diff/${id}`) },
  ]);
  const pairs = useMemo(
    () => (now.tree && old.tree ? aligned(old.tree.nodes, now.tree.nodes) : []),
    [now.tree, old.tree],
  );
  const rows = only ? pairs.filter(isChanged) : pairs;
  const pair = pairs.find((one) => keyOf(one) === chosen) ?? pairs[0];
  const error = now.answer.error ?? old.answer.error;
  const again = () => void Promise.all([now.answer.refetch(), old.answer.refetch()]);
  const name = now.told?.summary?.name ?? "a trace";
  return (
    <Frame
      title={`${visible(head(name, 80))} compared`}
      actions={
        <>
          <Button aria-pressed={only !== ""} onClick={() => setOnly(only ? "" : "changed")}>
            Only changes <kbd>c</kbd>
          </Button>
          <Button onClick={() => go(`/traces/${other}/diff/${id}`)}>
            Swap <kbd>s</kbd>
          </Button>
        </>
      }
      bar={now.tree && old.tree && <Sums old={old} now={now} ids={[other, id]} pairs={pairs} />}
    >
      {error && <Failure error={error} again={again} />}
      {pair && (
        <Split
          name="diff"
          label="Width of the rows"
          share={54}
          left={
            <Table
              label="Spans of both traces"
              columns={COLUMNS}
              rows={rows}
              rowKey={keyOf}
              onOpen={(row) => setChosen(keyOf(row))}
              tone={(row) => (row.now ? (row.old ? undefined : "new") : "error")}
              empty={<p className="diff-none">No span changed.</p>}
              rowHeight={26}
            />
          }
          right={<Changed pair={pair} old_id={other} now_id={id} />}
        />
      )}
    </Frame>
  );
}

function keyOf({ old, now }: Pair): string {
  return `${old?.id ?? ""}-${now?.id ?? ""}`;
}

const LEAST_SHARE = 0.1;

/** A span that came or went, or another status, other tokens, or a tenth more or less time. */
function isChanged({ old, now }: Pair): boolean {
  if (!old || !now) return true;
  const most = Math.max(old.duration_us, now.duration_us, 1);
  return (
    old.status !== now.status ||
    old.model !== now.model ||
    old.tokens !== now.tokens ||
    Math.abs(old.duration_us - now.duration_us) / most > LEAST_SHARE
  );
}

const COLUMNS: Column<Pair>[] = [
  {
    name: "Change",
    bare: true,
    width: "16px",
    cell: ({ old, now }) => (
      <span title={now ? (old ? "in both" : "only in the new one") : "only in the old one"}>
        {now ? (old ? "" : "+") : "−"}
      </span>
    ),
  },
  {
    name: "Span",
    width: "minmax(140px, 1fr)",
    cell: ({ old, now }) => {
      const node = now ?? old;
      return (
        node && (
          <span className="diff-name" style={{ paddingLeft: Math.min(node.depth, 12) * 12 }}>
            {node.status === "error" && <Status status="error" short />}
            <Kind kind={node.kind} /> <Line text={node.name} />
          </span>
        )
      );
    },
  },
  {
    name: "Old",
    width: "64px",
    number: true,
    cell: ({ old }) => (old ? duration(old.duration_us / 1_000) : ""),
  },
  {
    name: "New",
    width: "64px",
    number: true,
    cell: ({ now }) => (now ? duration(now.duration_us / 1_000) : ""),
  },
  {
    name: "Δ time",
    width: "76px",
    number: true,
    cell: ({ old, now }) =>
      old && now && old.duration_us !== now.duration_us
        ? signed((now.duration_us - old.duration_us) / 1_000, duration)
        : "",
  },
  {
    name: "Δ tokens",
    width: "68px",
    number: true,
    cell: ({ old, now }) => {
      const change = (now?.tokens ?? 0) - (old?.tokens ?? 0);
      return change === 0 ? "" : signed(change, count);
    },
  },
  {
    name: "Δ cost",
    width: "92px",
    number: true,
    cell: ({ old, now }) => {
      if ((now && now.cost_usd === null) || (old && old.cost_usd === null)) return "";
      const change = (now?.cost_usd ?? 0) - (old?.cost_usd ?? 0);
      return change === 0 ? "" : signed(change, money);
    },
  },
];

type Read = ReturnType<typeof useTree>;

/** Both traces as wholes. */
function Sums(props: { old: Read; now: Read; ids: [string, string]; pairs: readonly Pair[] }) {
  const { old, now, ids } = props;
  const tokens = (read: Read) =>
    (read.told?.costs ?? []).reduce((sum, part) => sum + part.tokens, 0);
  const [was, is] = [old.told?.summary?.cost_usd ?? null, now.told?.summary?.cost_usd ?? null];
  const added = props.pairs.filter((one) => !one.old).length;
  const removed = props.pairs.filter((one) => !one.now).length;
  const took = [
    (old.tree?.duration_us ?? 0) / 1_000,
    (now.tree?.duration_us ?? 0) / 1_000,
  ] as const;
  return (
    <dl className="trace-facts">
      <Fact name="Old">
        <Link href={`/traces/${ids[0]}`} className="mono">
          {ids[0].slice(0, 12)}
        </Link>
      </Fact>
      <Fact name="New">
        <Link href={`/traces/${ids[1]}`} className="mono">
          {ids[1].slice(0, 12)}
        </Link>
      </Fact>
      <Fact name="Time">
        {duration(took[0])} → {duration(took[1])}{" "}
        <strong>{signed(took[1] - took[0], duration)}</strong>
      </Fact>
      <Fact name="Tokens">
        {count(tokens(old))} → {count(tokens(now))}{" "}
        <strong>{signed(tokens(now) - tokens(old), count)}</strong>
      </Fact>
      <Fact name="Cost">
        {money(was)} → {money(is)}{" "}
        {was !== null && is !== null && <strong>{signed(Number(is) - Number(was), money)}</strong>}
      </Fact>
      <Fact name="Spans">
        {added + removed === 0
          ? "the same in both"
          : `${added} only in the new one, ${removed} only in the old one`}
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
