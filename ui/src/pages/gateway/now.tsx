/** What the gateway does at this moment: its routes, the models behind them, and what went wrong. */
import { useMemo } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { tracesOf } from "@/kit/filters";
import { count, money, percent } from "@/kit/format";
import { added, byRoute, type Sums, shared } from "@/kit/gateway";
import { useKeys } from "@/kit/keys";
import { request } from "@/kit/snippets";
import { useParam } from "@/kit/state";
import { Badge } from "@/parts/badge";
import { spoken } from "@/parts/begin";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { type Figure, Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { RoutePane } from "./route";
import { EVERY_MS, GatewaySections } from "./sections";
import { AllTargets } from "./targets";
import "./gateway.css";

type Row = Schemas["RouteState"] & { sums: Sums };

const NONE: readonly Schemas["CallFigures"][] = [];

export default function Now() {
  const [chosen, choose] = useParam("route");
  const routes = useAnswer(
    ["routes", "states"],
    (signal) => api.get("/api/v1/gateway/routes", { signal }),
    { every: EVERY_MS },
  );
  const targets = useAnswer(
    ["routes", "targets"],
    (signal) => api.get("/api/v1/gateway/targets", { signal }),
    { every: EVERY_MS },
  );
  const figures = useAnswer(
    ["metrics", "gateway"],
    (signal) => api.get("/api/v1/gateway/figures", { signal }),
    { every: EVERY_MS },
  );
  const counted = figures.data?.data ?? NONE;
  const rows = useMemo(() => rowsOf(routes.data?.data ?? [], counted), [routes.data, counted]);
  const route = rows.find((row) => row.name === chosen);
  useKeys(route ? [{ keys: "Escape", does: "show all models again", run: () => choose("") }] : []);
  const inFlight = (targets.data?.data ?? []).reduce((sum, one) => sum + one.in_flight, 0);
  const error = routes.error ?? targets.error ?? figures.error;
  return (
    <Frame title="Gateway" note="counts since the server began" actions={<GatewaySections />}>
      {error && (
        <Failure
          error={error}
          again={() => void Promise.all([routes, targets, figures].map((one) => one.refetch()))}
        />
      )}
      {figures.data && (
        <Figures label="Calls since the server began" figures={summed(added(counted), inFlight)} />
      )}
      {routes.isSuccess && (
        <Split
          name="gateway"
          label="Width of the list of routes"
          share={58}
          left={
            <Table
              label="Routes"
              columns={COLUMNS}
              rows={rows}
              rowKey={(row) => row.name}
              onOpen={(row) => choose(row.name === chosen ? "" : row.name)}
              tone={(row) => (row.problem ? "error" : row === route ? "new" : undefined)}
              empty={<None />}
            />
          }
          right={
            route ? (
              <RoutePane
                key={route.name}
                state={route}
                targets={targets.data?.data ?? []}
                onClose={() => choose("")}
              />
            ) : (
              <AllTargets targets={targets.data?.data ?? []} />
            )
          }
        />
      )}
    </Frame>
  );
}

function rowsOf(
  states: readonly Schemas["RouteState"][],
  counted: readonly Schemas["CallFigures"][],
): Row[] {
  const sums = byRoute(counted);
  return states.map((state) => ({ ...state, sums: sums.get(state.name) ?? added([]) }));
}

const COLUMNS: readonly Column<Row>[] = [
  { name: "Route", width: "minmax(88px, 1.4fr)", cell: (row) => <Line text={row.name} /> },
  { name: "Answers", width: "minmax(124px, 2fr)", cell: (row) => <Answers state={row} /> },
  { name: "Calls", width: "56px", number: true, cell: (row) => count(row.sums.requests) },
  {
    name: "Failed",
    width: "52px",
    number: true,
    cell: (row) => <span className={row.sums.errors ? "bad" : ""}>{count(row.sums.errors)}</span>,
  },
  { name: "Tried again", width: "72px", number: true, cell: (row) => count(row.sums.retried) },
  { name: "From cache", width: "72px", number: true, cell: (row) => hits(row.sums) },
  { name: "Cost", width: "64px", number: true, cell: (row) => cost(row.sums) },
];

function Answers({ state }: { state: Schemas["RouteState"] }) {
  if (state.problem) return <Badge tone="error">✕ cannot answer</Badge>;
  const text = shared(state.release, state.canary, state.split);
  const open = state.targets.filter((one) => one.breaker === "open" || one.refused).length;
  const models = state.targets.map((one) => one.model).join(", ");
  return (
    <>
      {open > 0 && (
        <Badge tone={open === state.targets.length ? "error" : "warn"}>
          ! {open} of {state.targets.length} down
        </Badge>
      )}{" "}
      <Line text={text || models} />
    </>
  );
}

function hits({ hits, misses }: Sums): string {
  return hits + misses > 0 ? percent(hits / (hits + misses), 0) : "–";
}

function cost({ requests, unpriced, cost_usd }: Sums): string {
  return requests > 0 && requests === unpriced ? "unpriced" : money(requests ? cost_usd : null);
}

function summed(sums: Sums, inFlight: number): Figure[] {
  const { requests, errors, refused } = sums;
  const errorsOf = (note: number) => (requests ? percent(note / requests) : undefined);
  return [
    { name: "Calls", value: count(requests), note: `${count(inFlight)} in flight` },
    {
      name: "Failed",
      value: count(errors),
      note: errorsOf(errors),
      tone: errors ? "error" : undefined,
      href: tracesOf("service:trimtab.gateway status:error"),
    },
    { name: "Refused", value: count(refused), note: "before anybody was asked" },
    {
      name: "Tried again",
      value: count(sums.retried),
      note: "another attempt or model",
      href: tracesOf("has:attributes.trimtab.attempts", { since: "1h" }),
    },
    {
      name: "From cache",
      value: hits(sums),
      note: `${count(sums.hits)} of ${count(sums.hits + sums.misses)} looked for`,
    },
    { name: "Saved by it", value: money(sums.saved_usd), note: "what hits would have cost" },
    {
      name: "Cost",
      value: money(sums.cost_usd),
      note: sums.unpriced ? `${count(sums.unpriced)} calls unpriced` : undefined,
      href: tracesOf("service:trimtab.gateway cost_usd>0"),
    },
  ];
}

const PUT = `/api/v1/routes/chat \\
  -d '{"targets": [{"model": "trimtab/extract"}]}'`;

function None() {
  return (
    <Empty title="No route yet" code={request(spoken(), PUT, "PUT")}>
      A route is a name that applications ask for, whatever answers behind it. Models can be asked
      by their own names without one.
    </Empty>
  );
}
