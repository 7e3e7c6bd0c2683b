/** What spans add up to by a field, as a list: sessions, users. All of it is here, so it is sorted
 * here. */
import type { Schemas } from "@/api/client";
import { count, duration, money } from "@/kit/format";
import { useParam } from "@/kit/state";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import "./badge.css";

export type Group = Schemas["trimtab.ports.telemetry.Group"];

interface Sorted extends Omit<Column<Group>, "onSort" | "sorted"> {
  by: string;
  of: (group: Group) => number | string;
}

const cost = (group: Group) => (group.cost_usd === null ? -1 : Number(group.cost_usd));
const tokens = (group: Group) => group.input_tokens + group.output_tokens;

const NUMBERS: Sorted[] = [
  {
    by: "last",
    name: "Last",
    width: "56px",
    of: (g) => g.last_ns,
    cell: (g) => <When ns={g.last_ns} />,
  },
  {
    by: "traces",
    name: "Traces",
    width: "56px",
    number: true,
    of: (g) => g.traces,
    cell: (g) => count(g.traces),
  },
  {
    by: "calls",
    name: "Calls",
    width: "56px",
    number: true,
    of: (g) => g.calls,
    cell: (g) => count(g.calls),
  },
  {
    by: "errors",
    name: "Errors",
    width: "56px",
    number: true,
    of: (g) => g.errors,
    cell: (g) => (g.errors ? <span className="status error">✕ {count(g.errors)}</span> : "0"),
  },
  {
    by: "tokens",
    name: "Tokens",
    width: "64px",
    number: true,
    of: tokens,
    cell: (g) => count(tokens(g)),
  },
  {
    by: "cost",
    name: "Cost",
    width: "84px",
    number: true,
    of: cost,
    cell: (g) => money(g.cost_usd),
  },
  {
    by: "p95",
    name: "p95",
    width: "68px",
    number: true,
    of: (g) => g.latency_p95_ms ?? -1,
    cell: (g) => duration(g.latency_p95_ms),
  },
];

export function Groups(props: {
  label: string;
  /** What one of them is called. */
  noun: string;
  groups: readonly Group[];
  href: (group: Group) => string;
  empty?: React.ReactNode;
}) {
  const [sort, setSort] = useParam("sort", "-last");
  const key: Sorted = {
    by: "name",
    name: props.noun,
    width: "minmax(120px, 1fr)",
    of: (group) => group.key ?? "",
    cell: (group) => <Line text={group.key} />,
  };
  const columns = [key, ...NUMBERS];
  const down = sort.startsWith("-");
  const chosen = columns.find((column) => column.by === sort.replace("-", "")) ?? key;
  const rows = [...props.groups].sort((a, b) => {
    const [x, y] = [chosen.of(a), chosen.of(b)];
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
  });
  return (
    <Table
      label={props.label}
      columns={columns.map(({ by, of: _, ...column }) => ({
        ...column,
        onSort: () => setSort(chosen.by === by && down ? by : `-${by}`),
        sorted: chosen.by === by ? (down ? "descending" : "ascending") : undefined,
      }))}
      rows={rows}
      rowKey={(group) => group.key ?? ""}
      href={props.href}
      empty={props.empty}
    />
  );
}

/** The figures that a group is, for the head of a page about it. */
export function figuresOf(group: Group | undefined, href: string) {
  const errors = group?.errors ?? 0;
  return [
    { name: "Traces", value: count(group?.traces), href },
    { name: "Model calls", value: count(group?.calls) },
    { name: "Errors", value: count(errors), tone: errors ? ("error" as const) : undefined },
    {
      name: "Tokens",
      value: count(group && tokens(group)),
      note: group && `${count(group.input_tokens)} in, ${count(group.output_tokens)} out`,
    },
    {
      name: "Cost",
      value: money(group?.cost_usd),
      note: group?.unpriced ? `${count(group.unpriced)} unpriced` : undefined,
    },
    { name: "Latency p50", value: duration(group?.latency_p50_ms) },
    { name: "Latency p95", value: duration(group?.latency_p95_ms) },
  ];
}
