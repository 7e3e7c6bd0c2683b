/** Runs of plans, newest first. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, duration, money } from "@/kit/format";
import { useStep } from "@/kit/state";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { FIRST, PlanSections } from "./sections";
import { lasted, State } from "./state";

type Run = Schemas["PlanRun"];

const MOST = 1_000;
const AGAIN_MS = 2_000;
const QUIET_MS = 15_000;

const COLUMNS: readonly Column<Run>[] = [
  { name: "Began", width: "56px", cell: (row) => <When ns={row.started_ns} /> },
  {
    name: "Plan",
    width: "minmax(120px, 1fr)",
    cell: (row) => <Line text={row.plan} />,
  },
  { name: "State", width: "92px", cell: (row) => <State status={row.status ?? "running"} /> },
  { name: "Took", width: "76px", number: true, cell: (row) => duration(Math.round(lasted(row))) },
  { name: "Calls", width: "48px", number: true, cell: (row) => count(row.calls) },
  { name: "Cost", width: "76px", number: true, cell: (row) => money(row.cost_usd) },
  { name: "By", width: "minmax(70px, 0.6fr)", cell: (row) => <Line text={row.author} /> },
  {
    name: "What came of it",
    width: "minmax(180px, 2.4fr)",
    cell: (row) =>
      row.error ? (
        <Line text={row.error} />
      ) : (
        <Line text={row.output == null ? "" : said(row.output)} />
      ),
  },
  { name: "Of", width: "84px", cell: (row) => (row.replay_of ? "a replay" : "") },
];

export default function Runs() {
  const [plan, setPlan] = useStep("plan");
  const runs = useRuns(plan);
  return (
    <Frame title="Plans" bar={<PlanSections />}>
      {runs.error && <Failure error={runs.error} again={() => void runs.refetch()} />}
      {plan && (
        <div className="plans-bar">
          <span>
            Only runs of <b>{visible(plan)}</b>
          </span>
          <Button onClick={() => setPlan("")}>Show all</Button>
        </div>
      )}
      <Table
        label="Runs of plans"
        columns={COLUMNS}
        rows={runs.data?.data ?? []}
        rowKey={(row) => row.plan_run_id}
        href={(row) => `/plans/${row.plan_run_id}`}
        tone={(row) => (row.status === "failed" ? "error" : undefined)}
        empty={runs.isSuccess && <None plan={plan} />}
      />
    </Frame>
  );
}

/** While one goes on, they are asked for again and again. */
function useRuns(plan: string) {
  const key = ["plan-runs", "list", plan];
  const get = (signal: AbortSignal) =>
    api.get("/api/v1/plan-runs", { query: { plan, limit: MOST }, signal });
  const first = useAnswer(key, get, { every: QUIET_MS });
  const going = first.data?.data.some((one) => one.status === "running") ?? false;
  return useAnswer(key, get, { every: going ? AGAIN_MS : QUIET_MS });
}

function None({ plan }: { plan: string }) {
  if (plan) return <Empty title="It was not run yet" code={`trimtab plans run ${plan}`} />;
  return (
    <Empty title="No plan was run yet" code={FIRST}>
      A plan is a fixed flow of several steps, run step by step on the server. A run goes on where
      it was after a crash.
    </Empty>
  );
}
