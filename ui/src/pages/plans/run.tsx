import { useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count, duration, moment, money } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { stepLines } from "@/kit/plan-steps";
import { useParam, usePathEnd } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { type Figure, Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { done, failed } from "@/parts/messages";
import { Split } from "@/parts/split";
import { lasted, State } from "./state";
import { Step } from "./step";
import { Steps } from "./steps";
import "./plans.css";

type Run = Schemas["PlanRunView"];

const AGAIN_MS = 700;

export default function PlanRun() {
  const id = usePathEnd();
  const [, go] = useLocation();
  const [shown, setShown] = useParam("step");
  const [replaying, setReplaying] = useState(false);
  const found = useRun(id);
  const run = found.data;
  const plan = useAnswer(
    ["plans", run?.plan],
    (signal) => api.get("/api/v1/plans/{ref}", { path: { ref: run?.plan ?? "" }, signal }),
    { on: run !== undefined },
  );
  const lines = stepLines(
    plan.data?.steps.map((step) => step.name) ?? [],
    run?.steps ?? [],
    run?.status === "running",
  );
  const line = lines.find((one) => one.key === shown);
  const path = { plan_run_id: id };
  const resume = () =>
    api.post("/api/v1/plan-runs/{plan_run_id}/resume", { path }).then(() => {
      changed("plan-runs");
      done("The run goes on, and asks only for what is missing");
    }, failed);
  const cancel = () =>
    api.post("/api/v1/plan-runs/{plan_run_id}/cancel", { path }).then(() => {
      changed("plan-runs");
      done("The run is cancelled", () => void resume());
    }, failed);
  const replay = (from: string | null) =>
    api.post("/api/v1/plan-runs/{plan_run_id}/replay", { path, body: { from } }).then((made) => {
      changed("plan-runs");
      done(from ? `Runs again from ${visible(from)} on` : "Runs again from the record");
      go(`/plans/${made.plan_run_id}`);
    }, failed);
  const goes = run?.status === "running";
  const mayResume = run?.status === "failed" || run?.status === "interrupted";
  const usable = run !== undefined && !run.hidden;
  useKeys([
    { keys: "Escape", does: "back to the runs", run: () => go("/plans") },
    ...(goes ? [{ keys: "c", does: "cancel the run", run: () => void cancel() }] : []),
    ...(mayResume && usable
      ? [{ keys: "r", does: "go on with the run", run: () => void resume() }]
      : []),
    ...(run && !goes && usable
      ? [{ keys: "p", does: "replay from the record", run: () => void replay(null) }]
      : []),
  ]);
  return (
    <Frame
      title={run ? `Run of ${visible(run.plan)}` : "Run of a plan"}
      note={run && <State status={run.status ?? "running"} />}
      actions={
        run && (
          <>
            {goes && (
              <Button kind="danger" onClick={() => void cancel()}>
                Cancel <kbd>c</kbd>
              </Button>
            )}
            {mayResume && usable && (
              <Button kind="main" onClick={() => void resume()}>
                Go on <kbd>r</kbd>
              </Button>
            )}
            {!goes && usable && (
              <Button onClick={() => void replay(null)}>
                Replay <kbd>p</kbd>
              </Button>
            )}
            {!goes && usable && line && (
              <Button onClick={() => setReplaying(true)}>Ask anew from {visible(line.step)}</Button>
            )}
          </>
        )
      }
    >
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {run && (
        <>
          <Figures label="Figures of the run" figures={figures(run)} />
          {run.error && <p className="plans-error">{visible(run.error)}</p>}
          {run.hidden && (
            <p className="plans-hidden">
              Parts of its record were redacted since, so it can be neither replayed nor resumed.
            </p>
          )}
          <Split
            name="plan-run"
            label="Width of the steps"
            share={56}
            left={
              <div className="plans-pane">
                <Steps lines={lines} onOpen={(one) => setShown(one.key)} />
              </div>
            }
            right={
              <div className="plans-pane">
                <Step run={run} line={line ?? null} />
              </div>
            }
          />
        </>
      )}
      {replaying && line && (
        <Confirm
          title={`Ask anew from ${visible(line.step)} on?`}
          does="Ask anew"
          onYes={() => void replay(line.step)}
          onClose={() => setReplaying(false)}
        >
          A new run takes the other steps from this record. This step and all that need it ask
          models again, which may cost money.
        </Confirm>
      )}
    </Frame>
  );
}

/** Asked for again as long as it goes on. */
function useRun(id: string) {
  const key = ["plan-runs", "one", id];
  const get = (signal: AbortSignal) =>
    api.get("/api/v1/plan-runs/{plan_run_id}", { path: { plan_run_id: id }, signal });
  const first = useAnswer(key, get);
  return useAnswer(key, get, first.data?.status === "running" ? { every: AGAIN_MS } : {});
}

function figures(run: Run): Figure[] {
  const under =
    run.held_usd && Number(run.held_usd) > 0 ? `${money(run.held_usd)} set aside` : null;
  return [
    {
      name: "Began",
      value: moment(run.started_ns).slice(11),
      note: moment(run.started_ns).slice(0, 10),
    },
    { name: "Took", value: duration(Math.round(lasted(run))) },
    { name: "Calls", value: count(run.calls) },
    { name: "Cost", value: money(run.cost_usd), note: under },
    { name: "By", value: <span className="plans-by">{visible(run.author ?? "–")}</span> },
    {
      name: "Plan",
      value: <span className="plans-by">{visible(run.plan)}</span>,
      href: `/plans/declared?plan=${encodeURIComponent(run.plan)}`,
    },
    ...(run.trace_id ? [{ name: "Trace", value: "Open", href: `/traces/${run.trace_id}` }] : []),
    ...(run.replay_of
      ? [
          {
            name: "Replay of",
            value: "Open",
            note: run.replay_from ? `from ${visible(run.replay_from)} on` : "all of it",
            href: `/plans/${run.replay_of}`,
          },
        ]
      : []),
    ...(run.takeovers
      ? [{ name: "Taken over", value: count(run.takeovers), note: "after a crash" }]
      : []),
  ];
}
