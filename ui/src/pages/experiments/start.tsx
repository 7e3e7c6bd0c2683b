/** A release over a dataset, run by the server. */
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { useReleases } from "@/api/releases";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Empty } from "@/parts/empty";
import { Field } from "@/parts/field";
import { done } from "@/parts/messages";
import { toRun } from "./list";

export function Start({ onClose }: { onClose: () => void }) {
  const [, go] = useLocation();
  const releases = useReleases();
  const datasets = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  const [release, setRelease] = useState("");
  const [dataset, setDataset] = useState("");
  const [split, setSplit] = useState("");
  const [scorers, setScorers] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const refs = (releases.data?.data ?? []).map((one) => `${one.route}@${one.version}`);
  const sets = datasets.data?.data ?? [];
  const splits = Object.keys(sets.find((one) => one.name === dataset)?.splits ?? {});
  const start = async () => {
    try {
      const names = scorers.split(/[\s,]+/).filter(Boolean);
      const body = { release, dataset, scorers: names, split: split || null };
      const run = await api.post("/api/v1/runs", { body });
      done("The experiment runs");
      changed("runs");
      onClose();
      go(toRun(run.run_id));
    } catch (problem) {
      setError(problem as Error);
    }
  };
  const missing = releases.isSuccess && datasets.isSuccess && !(refs.length && sets.length);
  return (
    <Dialog title="Start an experiment" onClose={onClose}>
      {missing ? (
        <Empty title="A release and a dataset are needed">
          There is {refs.length ? "no dataset" : "no release"} yet. Make one under{" "}
          <Link href={refs.length ? "/datasets" : "/releases"}>
            {refs.length ? "Datasets" : "Releases"}
          </Link>
          .
        </Empty>
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void start();
          }}
        >
          <Chosen label="Release" names={refs} value={release} onChange={setRelease} />
          <Chosen
            label="Dataset"
            names={sets.map((one) => one.name)}
            value={dataset}
            onChange={setDataset}
          />
          {splits.length > 0 && (
            <Field label="Rows of">
              <select
                className="input"
                value={split}
                onChange={(event) => setSplit(event.target.value)}
              >
                <option value="">all splits</option>
                {splits.map((one) => (
                  <option key={one} value={one}>
                    {visible(one)}
                  </option>
                ))}
              </select>
            </Field>
          )}
          <Field
            label="Scorers"
            hint="Names with commas. Without any, those that need no model."
            error={error?.message}
          >
            <input
              className="input"
              value={scorers}
              onChange={(event) => setScorers(event.target.value)}
            />
          </Field>
          <div>
            <Button kind="main" type="submit">
              Start
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Chosen(props: {
  label: string;
  names: readonly string[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <Field label={props.label}>
      <select
        className="input"
        required
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      >
        <option value="">choose</option>
        {props.names.map((name) => (
          <option key={name} value={name}>
            {visible(name)}
          </option>
        ))}
      </select>
    </Field>
  );
}
