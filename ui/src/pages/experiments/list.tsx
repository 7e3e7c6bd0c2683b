import { useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { commonest } from "@/kit/commonest";
import { count, money } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { said, unitOf } from "@/kit/measure";
import { many } from "@/kit/plural";
import { useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Outcome, RunState } from "@/parts/outcome";
import { Search } from "@/parts/search";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { tick } from "@/parts/tick";
import { When } from "@/parts/when";
import { Start } from "./start";
import "./experiments.css";

export type Run = Schemas["Run"];

const MOST = 500;
const OFTEN_MS = 2_000;
const FIRST = `python - <<'EOF'
import trimtab
rows = [{"input": "Which port does the server use?", "expected": "8321"}]
trimtab.evaluate(lambda input: "8321", rows, scorers=["exact"], name="ports", url="${location.origin}")
EOF`;

/** Metrics that most of the runs in the list have, as columns: what was better when is read down. */
const MOST_METRICS = 4;

const BEFORE: readonly Column<Run>[] = [
  {
    name: "Run",
    width: "minmax(150px, 2.6fr)",
    cell: (row) => <Line text={row.name} />,
  },
  { name: "Dataset", width: "minmax(90px, 0.9fr)", cell: (row) => <Line text={row.dataset} /> },
  { name: "State", width: "124px", cell: (row) => <RunState {...row} /> },
  { name: "Gate", width: "104px", cell: (row) => <Outcome outcome={row.verdict?.outcome} /> },
];

const AFTER: readonly Column<Run>[] = [
  { name: "Answers", width: "60px", number: true, cell: (row) => count(row.done) },
  { name: "Cost", width: "64px", number: true, cell: (row) => money(row.cost_usd) },
  { name: "When", width: "52px", cell: (row) => <When ns={row.started_ns} /> },
];

export default function Experiments() {
  const [, go] = useLocation();
  const [search, setSearch] = useParam("search");
  const [probes, setProbes] = useParam("probes");
  const [starting, setStarting] = useState(false);
  const [said, setChosen] = useParam("chosen");
  const chosen = said.split(",").filter(Boolean);
  const [often, setOften] = useState(false);
  const found = useAnswer(
    ["runs", "list"],
    (signal) => api.get("/api/v1/runs", { query: { limit: MOST }, signal }),
    often ? { every: OFTEN_MS } : {},
  );
  const all = found.data?.data ?? [];
  const isOn = all.some((run) => run.status === "running");
  if (isOn !== often) setOften(isOn);
  const asked = search.toLowerCase();
  const runs = probes ? all : all.filter((run) => !isLook(run));
  const rows = runs.filter((run) =>
    [run.name, run.dataset, run.release, run.suite].some((text) =>
      text?.toLowerCase().includes(asked),
    ),
  );
  const choose = (row: Run) =>
    setChosen(
      (chosen.includes(row.run_id)
        ? chosen.filter((one) => one !== row.run_id)
        : [...chosen, row.run_id].slice(-2)
      ).join(","),
    );
  const compare = () => {
    // the older of the two is what the newer is compared with
    const [now, base] = all.filter((run) => chosen.includes(run.run_id));
    if (now && base) go(`/compare?${new URLSearchParams({ base: base.run_id, new: now.run_id })}`);
    else go("/compare");
  };
  useKeys([
    { keys: "n", does: "start an experiment", run: () => setStarting(true) },
    { keys: "c", does: "compare the two runs that are chosen", run: compare },
  ]);
  return (
    <Frame
      title="Experiments"
      note={found.data && `${many(runs.length, "run")}${all.length === MOST ? ", the newest" : ""}`}
      actions={
        <>
          <Button onClick={compare} disabled={chosen.length === 1}>
            {chosen.length === 2 ? "Compare the two" : "Compare"} <kbd>c</kbd>
          </Button>
          <Button kind="main" onClick={() => setStarting(true)}>
            Start an experiment <kbd>n</kbd>
          </Button>
        </>
      }
      bar={
        <>
          <Search value={search} onChange={setSearch} label="Find a run" />
          <label className="row">
            <input
              type="checkbox"
              checked={probes !== ""}
              onChange={(event) => setProbes(event.target.checked ? "1" : "")}
            />
            Looks of probes as well
          </label>
          <span className="soft">Choose two with x, and compare them with c.</span>
        </>
      }
    >
      {found.error ? (
        <Failure error={found.error} again={() => void found.refetch()} />
      ) : (
        <Table
          label="Runs"
          columns={[
            tick((row) => chosen.includes(row.run_id), choose),
            ...BEFORE,
            ...metricColumns(rows),
            ...AFTER,
          ]}
          rows={rows}
          rowKey={(row) => row.run_id}
          href={(row) => toRun(row.run_id)}
          chosen={new Set(chosen)}
          onChoose={choose}
          empty={found.isSuccess && <None search={search} looks={all.length - runs.length} />}
        />
      )}
      {starting && <Start onClose={() => setStarting(false)} />}
    </Frame>
  );
}

export function toRun(id: string): string {
  return `/experiments/${encodeURIComponent(id)}`;
}

/** A probe records each of its looks as a run; the page of the probe shows them. */
const isLook = (run: Run) => run.suite?.startsWith("probe/") ?? false;

function metricColumns(runs: readonly Run[]): Column<Run>[] {
  const names = runs.flatMap((run) => Object.keys(run.metrics ?? {}));
  return commonest(names.filter((name) => name !== "cost"))
    .slice(0, MOST_METRICS)
    .map((name) => ({
      name: visible(name),
      width: "minmax(72px, 1fr)",
      number: true,
      cell: (row) => metric(row, name),
    }));
}

function metric(run: Run, name: string): string {
  const figure = run.metrics?.[name];
  if (!figure) return "–";
  const scorer = run.scorers?.find((one) => one.name === name);
  return said(figure.value, unitOf(name, [figure], { higher: scorer?.higher_is_better ?? true }));
}

function None({ search, looks }: { search: string; looks: number }) {
  if (search) return <Empty title="No run has that in its name, release, dataset or suite" />;
  if (looks > 0)
    return <Empty title="Nothing ran but probes">Their looks can be shown above.</Empty>;
  return (
    <Empty title="No run yet" code={FIRST}>
      An experiment runs a release, or any function, over a dataset and scores every answer. Start
      one here, with <code>trimtab eval</code>, or from a program:
    </Empty>
  );
}
