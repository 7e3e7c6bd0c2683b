/** One run: what came of it, its metrics with intervals, and its answers. */
import { Link, useLocation } from "wouter";
import { api, type Schemas, target } from "@/api/client";
import { useAnswer } from "@/api/query";
import { chosenOf } from "@/kit/choice";
import { duration, moment, money } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { many } from "@/kit/plural";
import { usePathEnd, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Outcome, RunState } from "@/parts/outcome";
import { Slices } from "@/parts/slices";
import { Tabs } from "@/parts/tabs";
import { Answers } from "./answers";
import type { Run } from "./list";
import { Metrics } from "./metrics";
import { Verdict } from "./verdict";
import "./experiments.css";

const TABS = ["Summary", "Answers", "Slices"] as const;

export default function OneRun() {
  const id = usePathEnd();
  const [, go] = useLocation();
  const [asked, setTab] = useStep("tab", TABS[0]);
  const tab = chosenOf(TABS, asked);
  const found = useAnswer(["runs", id, "told"], (signal) =>
    api.get("/api/v1/runs/{run_id}/comparison", { path: { run_id: id }, signal }),
  );
  const run = found.data?.run;
  const live = useAnswer(
    ["runs", id],
    (signal) => api.get("/api/v1/runs/{run_id}", { path: { run_id: id }, signal }),
    { on: run?.status === "running", every: 1_000 },
  );
  if (run?.status === "running" && live.data && live.data.status !== "running" && !found.isFetching)
    queueMicrotask(() => void found.refetch());
  const now = run?.status === "running" ? (live.data ?? run) : run;
  const base = found.data?.baseline ?? null;
  const compare = () => {
    const query = new URLSearchParams({ base: base?.run_id ?? "", new: id });
    go(`/compare?${query}`);
  };
  useKeys([
    { keys: "c", does: "compare the run", run: compare },
    ...TABS.map((one, index) => ({
      keys: String(index + 1),
      does: `show ${one.toLowerCase()}`,
      run: () => setTab(one),
    })),
  ]);
  return (
    <Frame
      title={now ? visible(now.name) : "Run"}
      note={now && <RunState {...now} />}
      actions={
        now && (
          <>
            <Copy text={id} label="Copy id" />
            <Button onClick={compare}>
              {base ? "Compare with its baseline" : "Compare"} <kbd>c</kbd>
            </Button>
          </>
        )
      }
      bar={<Tabs label="What is shown" names={TABS} now={tab} onChange={setTab} />}
    >
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {now && found.data && tab === "Summary" && (
        <Summary run={now} base={base} sentence={found.data.sentence} />
      )}
      {now && tab === "Answers" && <Answers run={now} />}
      {now && tab === "Slices" && <Slices run={id} />}
    </Frame>
  );
}

function Summary(props: { run: Run; base: Run | null; sentence: string }) {
  const { run } = props;
  return (
    <div className="experiments-page">
      <p className="experiments-sentence">
        {run.verdict && <Outcome outcome={run.verdict.outcome} />} {visible(props.sentence)}
      </p>
      <Facts run={run} />
      {run.error && !props.sentence.includes(run.error) && <Stopped run={run} />}
      <Metrics run={run} />
      {run.verdict && <Verdict verdict={run.verdict} base={props.base} />}
    </div>
  );
}

/** Why a run did not come to its end: a fact about the run, and no failure of the page. */
function Stopped({ run }: { run: Run }) {
  const what = run.status === "failed" ? "The run failed" : "The run stopped";
  return (
    <p className="experiments-stopped">
      <strong>{what}:</strong> {visible(run.error ?? "")}
      {run.done > 0 && `. What it has so far is kept: ${many(run.done, "answer")}.`}
    </p>
  );
}

function Facts({ run }: { run: Run }) {
  const took = run.ended_ns ? duration((run.ended_ns - run.started_ns) / 1e6) : null;
  const facts: [string, React.ReactNode][] = [
    ["Task", visible(run.task || run.release || "–")],
    ["Dataset", <Dataset key="dataset" run={run} />],
    ["Began", moment(run.started_ns)],
    ["Took", took ?? "–"],
    ["Cost", money(run.cost_usd)],
    ["Repeats", String(run.repeats)],
    ...Object.entries(run.variant ?? {}).map(([name, value]): [string, string] => [
      visible(name),
      visible(value),
    ]),
    ["By", visible(run.author ?? "–")],
    ["Made by", `${run.source}${run.vouched ? ", vouched for" : ", not vouched for"}`],
  ];
  return (
    <dl className="experiments-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="soft">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Dataset({ run }: { run: Schemas["Run"] }) {
  const [name = "", version = ""] = run.dataset.split("@");
  const split = run.split ? `, split ${visible(run.split)}` : "";
  if (!version) return <>{visible(run.dataset) + split}</>;
  return (
    <>
      <Link href={target("/datasets/{name}", { name }, { version })}>{visible(run.dataset)}</Link>
      {split}
    </>
  );
}
