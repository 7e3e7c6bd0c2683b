/** What was answered to each row of a run, and how that was judged. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, type Schemas } from "@/api/client";
import { count, duration, money } from "@/kit/format";
import { isShown, unscored } from "@/kit/judgements";
import { useKeys } from "@/kit/keys";
import { useParam, useStep } from "@/kit/state";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Beside } from "@/parts/beside";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Judged } from "@/parts/judged";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { Answer } from "./answer";
import type { Run } from "./list";

export type Result = Schemas["Result"];
type Inputs = ReadonlyMap<string, Schemas["Example"]>;

const PAGE = 500;
/** So many are loaded by themselves; what is beyond comes by scrolling. */
const BY_ITSELF = 5_000;
const MOST_METRICS = 6;

export function Answers({ run }: { run: Run }) {
  const [show, setShow] = useStep("show");
  const [chosen, choose] = useParam("answer");
  const results = useResults(run);
  const all = results.data?.pages.flatMap((page) => page.data) ?? [];
  const inputs = useInputs(run, all.length);
  const rows = all.filter((one) => isShown(one, show));
  const row = all.find((one) => keyOf(one) === chosen);
  const metrics = (run.scorers ?? []).map((one) => one.name);
  useKeys([
    ...(chosen ? [{ keys: "Escape", does: "close the answer", run: () => choose("") }] : []),
    {
      keys: "f",
      does: "show what failed, or all",
      run: () => setShow(show === "failed" ? "" : "failed"),
    },
  ]);
  const { hasNextPage, isFetching, fetchNextPage } = results;
  const eager = all.length < BY_ITSELF || show !== "";
  useEffect(() => {
    if (eager && hasNextPage && !isFetching) void fetchNextPage();
  }, [eager, hasNextPage, isFetching, fetchNextPage]);
  if (results.error) return <Failure error={results.error} again={() => void results.refetch()} />;
  const table = (
    <Table
      label="Answers"
      columns={columns(run, inputs, chosen === "" ? metrics : metrics.slice(0, 2))}
      rows={rows}
      rowKey={keyOf}
      onOpen={(one) => choose(keyOf(one))}
      tone={(one) => (one.error ? "error" : undefined)}
      onEnd={hasNextPage && !isFetching ? () => void fetchNextPage() : undefined}
      empty={results.isSuccess && <Empty title="No such answer" />}
    />
  );
  return (
    <>
      <Bar show={show} onShow={setShow} all={all} rows={rows.length} metrics={metrics} />
      <Beside
        list={table}
        opened={
          row && (
            <Answer
              run={run}
              result={row}
              example={inputs.get(row.example_id)}
              onClose={() => choose("")}
            />
          )
        }
      />
    </>
  );
}

function keyOf(one: Result): string {
  return one.repeat ? `${one.example_id}#${one.repeat}` : one.example_id;
}

function columns(run: Run, inputs: Inputs, metrics: readonly string[]): Column<Result>[] {
  return [
    {
      name: "Row",
      width: "minmax(60px, 0.5fr)",
      cell: (one) => <span className="mono">{visible(keyOf(one)).slice(0, 40)}</span>,
    },
    {
      name: "Input",
      width: "minmax(110px, 1.6fr)",
      cell: (one) => <Line text={said(inputs.get(one.example_id)?.input)} />,
    },
    {
      name: "Answer",
      width: "minmax(120px, 2fr)",
      cell: (one) =>
        one.error ? (
          <span className="bad">
            <Line text={one.error} />
          </span>
        ) : (
          <Line text={said(one.output)} />
        ),
    },
    ...metrics.slice(0, MOST_METRICS).map(
      (name): Column<Result> => ({
        name: visible(name),
        width: "minmax(58px, 90px)",
        cell: (one) => <Judged score={(one.scores ?? []).find((score) => score.name === name)} />,
      }),
    ),
    { name: "Took", width: "60px", number: true, cell: (one) => duration(one.latency_ms) },
    ...(Number(run.cost_usd ?? 0) > 0
      ? [
          {
            name: "Cost",
            width: "60px",
            number: true,
            cell: (one: Result) => money(one.cost_usd),
          },
        ]
      : []),
  ];
}

function Bar(props: {
  show: string;
  onShow: (show: string) => void;
  all: readonly Result[];
  rows: number;
  metrics: readonly string[];
}) {
  const reasons = unscored(props.all);
  return (
    <div className="experiments-bar">
      <label className="row">
        <span>Show</span>
        <select
          className="input"
          aria-label="Show"
          value={props.show}
          onChange={(event) => props.onShow(event.target.value)}
        >
          <option value="">all answers</option>
          <option value="failed">what failed any scorer</option>
          {props.metrics.map((name) => (
            <option key={name} value={`failed:${name}`}>
              what failed {visible(name)}
            </option>
          ))}
          <option value="errors">errors of the task</option>
          <option value="unscored">what was not scored</option>
          {props.metrics.map((name) => (
            <option key={name} value={`unscored:${name}`}>
              not scored by {visible(name)}
            </option>
          ))}
        </select>
      </label>
      <span className="soft">
        {count(props.rows)} of {count(props.all.length)}
      </span>
      {props.show.startsWith("unscored") &&
        reasons
          .filter((one) => props.show === "unscored" || props.show.endsWith(`:${one.metric}`))
          .slice(0, 3)
          .map((one) => (
            <span key={`${one.metric} ${one.reason}`} className="cut experiments-why">
              <strong>{count(one.times)}</strong> {visible(one.metric)}: {visible(one.reason)}
            </span>
          ))}
    </div>
  );
}

function useResults(run: Run) {
  return useInfiniteQuery({
    queryKey: ["runs", run.run_id, "results", run.status],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/runs/{run_id}/results", {
        path: { run_id: run.run_id },
        query: { limit: PAGE, page: pageParam },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: run.status === "running" ? 2_000 : false,
  });
}

/** The rows that were asked, as far as answers are shown; none where the server does not have them. */
function useInputs(run: Run, answers: number): Inputs {
  const found = useInfiniteQuery({
    queryKey: ["datasets", run.dataset, "inputs"],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/datasets/{ref}/examples", {
        path: { ref: run.dataset },
        query: { after: pageParam, limit: 1_000 },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  const { hasNextPage, isFetching, fetchNextPage } = found;
  // answers come nearly in the order of the rows
  const short = rows.length < answers + PAGE || run.split !== null;
  useEffect(() => {
    if (short && hasNextPage && !isFetching) void fetchNextPage();
  }, [short, hasNextPage, isFetching, fetchNextPage]);
  return new Map(rows.map((row) => [row.example_id, row]));
}
