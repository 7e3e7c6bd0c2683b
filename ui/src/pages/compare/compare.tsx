/** A run against another: the verdict in words, each difference on one axis, and every changed case. */
import { useState } from "react";
import { Link } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { chosenOf } from "@/kit/choice";
import { moment } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { many } from "@/kit/plural";
import { patch, useParam, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { Frame } from "@/parts/frame";
import { Outcome } from "@/parts/outcome";
import { Slices } from "@/parts/slices";
import { Tabs } from "@/parts/tabs";
import { Cases } from "./cases";
import { Deltas } from "./deltas";
import "./compare.css";

const TABS = ["Cases", "Slices"] as const;

export default function Compare() {
  const [base] = useParam("base");
  const [now] = useParam("new");
  const [asked, setTab] = useStep("tab", TABS[0]);
  const tab = chosenOf(TABS, asked);
  const runs = useAnswer(["runs", "list"], (signal) =>
    api.get("/api/v1/runs", { query: { limit: 500 }, signal }),
  );
  const both = base !== "" && now !== "";
  const told = useAnswer(
    ["runs", now, "told", base],
    (signal) =>
      api.get("/api/v1/runs/{run_id}/comparison", {
        path: { run_id: now },
        query: { baseline: base },
        signal,
      }),
    { on: both },
  );
  const swap = () => patch({ base: now, new: base, case: "" });
  useKeys([
    { keys: "s", does: "swap the two runs", run: swap },
    ...TABS.map((one, index) => ({
      keys: String(index + 1),
      does: `show ${one.toLowerCase()}`,
      run: () => setTab(one),
    })),
  ]);
  const all = (runs.data?.data ?? []).filter((run) => run.status === "done");
  const verdict = told.data?.run.verdict;
  const compared = verdict?.comparisons ?? [];
  const gating = compared.filter((one) => one.outcome !== null).map((one) => one.metric);
  const cases = told.data?.cases ?? compared[0]?.difference.total;
  const tabs = <Tabs label="What is shown" names={TABS} now={tab} onChange={setTab} />;
  return (
    <Frame
      title="Compare runs"
      note={both && cases !== undefined && `${many(cases, "case")} in both`}
      actions={both && <Copy label="Copy as a command" text={`trimtab compare ${base} ${now}`} />}
      bar={
        <>
          <Chosen label="Baseline" runs={all} value={base} onChange={(id) => set("base", id)} />
          <Button aria-label="swap the two runs" title="swap the two runs (s)" onClick={swap}>
            ⇄
          </Button>
          <Chosen label="New" runs={all} value={now} onChange={(id) => set("new", id)} />
        </>
      }
    >
      {runs.error && !runs.data && <Failure error={runs.error} again={() => void runs.refetch()} />}
      {!both && <None runs={all.length} loaded={runs.isSuccess} />}
      {both && told.error && <Failure error={told.error} again={() => void told.refetch()} />}
      {both && told.data && !told.error && (
        <>
          <div className="compare-head">
            <p className="compare-sentence">
              <Outcome outcome={verdict?.outcome} /> {visible(told.data.sentence)}
            </p>
            {verdict && <Deltas verdict={verdict} />}
          </div>
          {tab === "Slices" ? (
            <>
              <div className="compare-bar">{tabs}</div>
              <Slices run={now} base={base} />
            </>
          ) : (
            <Cases key={`${base} ${now}`} base={base} now={now} gating={gating} lead={tabs} />
          )}
        </>
      )}
    </Frame>
  );
}

function set(which: "base" | "new", id: string) {
  patch({ [which]: id, case: "" });
}

/** A run by what it is called; by its id where several are called so. */
function Chosen(props: {
  label: string;
  runs: readonly { run_id: string; name: string; started_ns: number }[];
  value: string;
  onChange: (id: string) => void;
}) {
  const known = props.runs.some((run) => run.run_id === props.value);
  const [text, setText] = useState(props.value);
  if (!known && props.value)
    return (
      <Field label={props.label} small>
        <input
          className="input"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onBlur={() => props.onChange(text.trim())}
          onKeyDown={(event) => event.key === "Enter" && props.onChange(text.trim())}
        />
      </Field>
    );
  return (
    <Field label={props.label} small>
      <select
        className="input compare-run"
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      >
        <option value="">choose a run</option>
        {props.runs.map((run) => (
          <option key={run.run_id} value={run.run_id}>
            {visible(run.name).slice(0, 80)} · {moment(run.started_ns).slice(5, 16)}
          </option>
        ))}
      </select>
    </Field>
  );
}

function None({ runs, loaded }: { runs: number; loaded: boolean }) {
  if (!loaded) return null;
  if (runs < 2)
    return (
      <Empty title="There are not yet two finished runs">
        A comparison needs two runs over the same rows. Start them in the{" "}
        <Link href="/experiments">list of experiments</Link>.
      </Empty>
    );
  return (
    <Empty title="Choose two runs over the same rows" code="trimtab compare BASE NEW">
      The baseline is what answered so far, the new run is what may replace it. Two runs can also be
      chosen in the <Link href="/experiments">list of experiments</Link>.
    </Empty>
  );
}
