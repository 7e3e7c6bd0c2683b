/** The columns of the list of traces, and which of them are shown. */
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { count, duration, money } from "@/kit/format";
import { useKept } from "@/kit/kept";
import { useKeys } from "@/kit/keys";
import { many } from "@/kit/plural";
import { step, useParam } from "@/kit/state";
import { Status } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Menu } from "@/parts/menu";
import type { Column } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { ReleaseOf, ScoresOf } from "./list-scores";

export type Row = Schemas["TraceSummary"];
export type Sort = "start" | "duration" | "cost" | "tokens" | "spans" | "errors";

const tokens = (row: Row) => row.input_tokens + row.output_tokens;

const ALL: Record<string, Column<Row>> = {
  status: {
    name: "Status",
    bare: true,
    width: "16px",
    cell: (row) => <Status status={row.status} short />,
  },
  when: { name: "When", width: "48px", cell: (row) => <When ns={row.start_ns} /> },
  name: {
    name: "Name",
    main: true,
    width: "minmax(64px, 1fr)",
    cell: (row) => <Line text={row.name} />,
  },
  input: {
    name: "Input",
    width: "minmax(96px, 2.8fr)",
    cell: (row) => <Line text={row.input_preview} />,
  },
  output: {
    name: "Output",
    width: "minmax(96px, 2.8fr)",
    cell: (row) =>
      row.error ? (
        <span className="bad">
          <Line text={row.error} />
        </span>
      ) : (
        <>
          {row.errors > 0 && <span className="bad">✕ {many(row.errors, "span")} failed </span>}
          <Line text={row.output_preview} />
        </>
      ),
  },
  scores: {
    name: "Scores",
    width: "minmax(120px, 1.6fr)",
    cell: (row) => <ScoresOf trace_id={row.trace_id} />,
  },
  model: { name: "Model", width: "minmax(64px, 88px)", cell: (row) => <Line text={row.model} /> },
  route: { name: "Route", width: "minmax(80px, 130px)", cell: (row) => <Line text={row.route} /> },
  release: { name: "Release", width: "90px", cell: (row) => <ReleaseOf id={row.release} /> },
  user: { name: "User", width: "minmax(70px, 120px)", cell: (row) => <Line text={row.user} /> },
  session: {
    name: "Session",
    width: "minmax(70px, 120px)",
    cell: (row) => <Line text={row.session} />,
  },
  took: { name: "Took", width: "68px", number: true, cell: (row) => duration(row.duration_ms) },
  spans: { name: "Spans", width: "48px", number: true, cell: (row) => count(row.spans) },
  tokens: { name: "Tokens", width: "56px", number: true, cell: (row) => count(tokens(row)) },
  tokens_in: {
    name: "Tokens in",
    width: "64px",
    number: true,
    cell: (row) => count(row.input_tokens),
  },
  tokens_out: {
    name: "Tokens out",
    width: "72px",
    number: true,
    cell: (row) => count(row.output_tokens),
  },
  cost: { name: "Cost", width: "80px", number: true, cell: (row) => money(row.cost_usd) },
  id: {
    name: "Trace",
    width: "96px",
    cell: (row) => <span className="mono">{row.trace_id.slice(0, 12)}</span>,
  },
};

/** By what each column sorts; of what is "errors" there is none. */
const SORTS: Record<string, Sort> = {
  when: "start",
  took: "duration",
  cost: "cost",
  tokens: "tokens",
  spans: "spans",
};
const NAMES: readonly Sort[] = [...Object.values(SORTS), "errors"];

const USUAL = "status,when,name,input,output,model,took,tokens,cost";

/** The names of the columns that are shown; the address says it, or else what was shown last. */
export function useColumns(): [readonly string[], (names: readonly string[]) => void] {
  const [kept, setKept] = useKept("traces.columns", USUAL);
  const [said, say] = useParam("columns", kept);
  const names = said.split(",").filter((name) => name in ALL);
  const set = (next: readonly string[]) => {
    const inOrder = Object.keys(ALL).filter((name) => next.includes(name));
    const text = inOrder.join(",") || USUAL;
    setKept(text);
    say(text);
  };
  return [names.length > 0 ? names : USUAL.split(","), set];
}

export function columnsOf(
  names: readonly string[],
  sort: Sort,
  onSort: (sort: Sort) => void,
): Column<Row>[] {
  return names.flatMap((name) => {
    const column = ALL[name];
    const by = SORTS[name];
    if (!column || !by) return column ?? [];
    if (by !== sort) return { ...column, onSort: () => onSort(by) };
    const sorted = "descending" as const;
    // the newest are first of themselves: there is nothing to take back
    return by === "start"
      ? { ...column, sorted }
      : { ...column, sorted, onSort: () => onSort("start") };
  });
}

/** By what the list is sorted, the greatest first; and how to say it. The newest are first, else. */
export function useSort(columns: readonly string[]): [Sort, (sort: Sort) => void] {
  const [said] = useParam("sort", "start");
  const sort = NAMES.find((one) => one === said) ?? "start";
  // what is recorded now has no place in a list that is sorted otherwise
  const set = (to: Sort) => step(to === "start" ? { sort: "" } : { sort: to, live: "" });
  const offered = columns.flatMap((name) => SORTS[name] ?? []);
  const next = () => set(offered[offered.indexOf(sort) + 1] ?? "start");
  useKeys([{ keys: "o", does: "sort by the next column", run: next }]);
  return [sort, set];
}

/** By what the list is sorted where no column that is shown says it. */
export function unseenSort(columns: readonly string[], sort: Sort): string {
  const seen = sort === "start" || columns.some((name) => SORTS[name] === sort);
  return seen ? "" : `by ${sort}`;
}

export function ColumnChoice(props: {
  names: readonly string[];
  onChange: (names: readonly string[]) => void;
}) {
  const [open, setOpen] = useState(false);
  useKeys([{ keys: "c", does: "choose columns", run: () => setOpen(true) }]);
  const toggle = (name: string) =>
    props.onChange(
      props.names.includes(name)
        ? props.names.filter((one) => one !== name)
        : [...props.names, name],
    );
  return (
    <Menu label="Columns" title="Columns" open={open} onOpen={setOpen} right>
      {Object.entries(ALL).map(([name, column]) => (
        <label key={name} className="tick">
          <input
            type="checkbox"
            checked={props.names.includes(name)}
            onChange={() => toggle(name)}
          />
          {column.name}
        </label>
      ))}
      <Button onClick={() => props.onChange(USUAL.split(","))}>The usual ones</Button>
    </Menu>
  );
}
