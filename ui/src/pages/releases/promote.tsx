/** A promotion rests on a run whose verdict is a pass, or on somebody who says why not. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { visible } from "@/kit/visible";
import { Outcome } from "@/parts/outcome";
import { Tabs } from "@/parts/tabs";
import { When } from "@/parts/when";
import { Asked, Environment, named, Reason } from "./asked";
import { useEvidence } from "./content";

type Release = Schemas["Release"];

const GROUNDS = ["on evidence", "without a verdict"] as const;

export function Promote({ release, onClose }: { release: Release; onClose: () => void }) {
  const [grounds, setGrounds] = useState<(typeof GROUNDS)[number]>("on evidence");
  const [picked, setPicked] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [environment, setEnvironment] = useState("");
  const runs = useEvidence(release).filter((one) => one.verdict !== null);
  const run = picked ?? runs.find((one) => one.verdict?.outcome === "pass")?.run_id ?? "";
  const forced = grounds === "without a verdict";
  const where = environment.trim();
  return (
    <Asked
      title={`Promote ${named(release)}?`}
      does={
        forced ? "Promote it without a verdict" : run ? "Promote it" : "Promote it without a run"
      }
      said={`${named(release)} ${where ? `answers in ${visible(where)}` : "is live"}`}
      ready={!forced || reason.trim() !== ""}
      danger={forced}
      onClose={onClose}
      send={() =>
        api.post("/api/v1/releases/{ref}/promote", {
          path: { ref: release.release_id },
          body: {
            run: forced ? null : run || null,
            force: forced,
            reason: reason.trim() || null,
            environment: where || null,
          },
        })
      }
    >
      <Tabs label="On what ground" names={GROUNDS} now={grounds} onChange={setGrounds} />
      {forced ? (
        <p>It is promoted whatever a gate says. Your name and the reason stay with the release.</p>
      ) : (
        <Runs runs={runs} chosen={run} onChoose={setPicked} />
      )}
      <Reason
        value={reason}
        onChange={setReason}
        {...(forced ? {} : { hint: "If there is more to say than the run does." })}
      />
      <Environment
        value={environment}
        onChange={setEnvironment}
        none="Empty makes it live: it answers every call that no environment claims."
      />
    </Asked>
  );
}

function Runs(props: {
  runs: readonly Schemas["Run"][];
  chosen: string;
  onChoose: (run: string) => void;
}) {
  if (props.runs.length === 0)
    return (
      <p>
        No run of this release was compared. It needs none where it is the first to answer, or where
        the rules ask for no verdict; anywhere else it is refused.
      </p>
    );
  return (
    <fieldset className="releases-runs">
      <legend>The run that proves it</legend>
      {props.runs.slice(0, 8).map((run) => (
        <label key={run.run_id} className="row">
          <input
            type="radio"
            name="run"
            checked={run.run_id === props.chosen}
            onChange={() => props.onChoose(run.run_id)}
          />
          <Outcome outcome={run.verdict?.outcome} />
          <span className="grow cut">{visible(`${run.name || run.run_id} on ${run.dataset}`)}</span>
          <span className="soft">
            <When ns={run.ended_ns ?? run.started_ns} />
          </span>
        </label>
      ))}
    </fieldset>
  );
}
