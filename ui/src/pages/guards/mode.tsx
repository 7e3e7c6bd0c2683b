/** The mode of a policy. To enforce it is asked once, beside what its rules would have done. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count, percent } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { done, failed } from "@/parts/messages";
import { type Cell, Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { called, counted } from "./said";
import "./guards.css";

type Policy = Schemas["PolicyView"];
type Mode = Policy["in_mode"];
type Rule = Schemas["RuleReport"];

const MODES: readonly [Mode, string][] = [
  ["off", "Nothing is looked at."],
  ["shadow", "Nothing is changed; it is on record what would have been done."],
  ["flag", "Nothing is changed; it is on record that a rule fired."],
  ["enforce", "What the rules say is done."],
];

export function ModeChoice({ policy }: { policy: Policy }) {
  const [enforcing, setEnforcing] = useState(false);
  const choose = (mode: Mode) => {
    if (mode === policy.in_mode) return;
    if (mode === "enforce") setEnforcing(true);
    else void set(policy, mode);
  };
  return (
    <>
      <div className="row" role="group" aria-label="Mode">
        {MODES.map(([mode, does]) => (
          <Button
            key={mode}
            title={does}
            aria-pressed={mode === policy.in_mode}
            onClick={() => choose(mode)}
          >
            {mode}
          </Button>
        ))}
      </div>
      <p className="soft">{MODES.find(([mode]) => mode === policy.in_mode)?.[1]}</p>
      {enforcing && <Enforce policy={policy} onClose={() => setEnforcing(false)} />}
    </>
  );
}

/** Over the revision that was looked at, so that nobody's change is lost. */
async function set(policy: Policy, mode: Mode): Promise<boolean> {
  const before = policy.in_mode;
  try {
    const now = await api.put("/api/v1/guards/policies/{name}/mode", {
      path: { name: policy.name },
      body: { mode, revision: policy.revision ?? 0 },
    });
    changed("guards");
    done(
      `${visible(policy.name)} is in mode ${mode}, it was in ${before}`,
      () => void set(now, before),
    );
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}

function Enforce({ policy, onClose }: { policy: Policy; onClose: () => void }) {
  const [unseen, setUnseen] = useState(false);
  const { data, error, refetch } = useAnswer(["guards", "report", "7d"], (signal) =>
    api.get("/api/v1/guards/report", { query: { since: "7d" }, signal }),
  );
  const names = new Set(policy.in_force.map(called));
  const rows = (data?.rules ?? []).filter((one) => names.has(one.rule));
  const known = new Set(rows.filter((one) => one.checked > 0).map((one) => one.rule));
  const unknown = [...names].filter((name) => !known.has(name));
  const enforce = async () => {
    if (await set(policy, "enforce")) onClose();
  };
  return (
    <Dialog title={`Enforce ${visible(policy.name)}?`} onClose={onClose} wide>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && (
        <div className="stack">
          <p>{verdict(rows)}</p>
          <Rows
            label="What its rules would have done"
            columns={COLUMNS}
            rows={rows}
            rowKey={(one) => `${one.rule} ${one.stage}`}
            empty="No call passed it in the last 7 days."
          />
          {unknown.length > 0 && (
            <label className="row">
              <input
                type="checkbox"
                checked={unseen}
                onChange={(event) => setUnseen(event.target.checked)}
              />
              <span>Also {visible(unknown.join(", "))}, of which no check is on record.</span>
            </label>
          )}
          <div className="row">
            <Button
              kind="danger"
              disabled={unknown.length > 0 && !unseen}
              onClick={() => void enforce()}
            >
              Enforce it
            </Button>
            <Button onClick={onClose}>Leave it in {policy.in_mode}</Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

function verdict(rows: readonly Rule[]): string {
  const checked = Math.max(0, ...rows.map((one) => one.checked));
  const of = (action: string) =>
    rows.reduce((sum, one) => sum + (one.would[action] ?? 0) + (one.did[action] ?? 0), 0);
  if (checked === 0) return "Nothing is known of what it would do.";
  const failures = rows.reduce((sum, one) => sum + one.errors + one.timeouts, 0);
  const parts = [
    `blocked ${count(of("block"))}`,
    `changed ${count(of("redact") + of("tokenise"))}`,
    `asked again ${count(of("regenerate"))}`,
  ];
  const said = `Of about ${count(checked)} calls in the last 7 days it would have ${parts.join(", ")}.`;
  return failures > 0
    ? `${said} ${count(failures)} checks failed: what a rule that is closed on error cannot judge is refused.`
    : said;
}

const COLUMNS: readonly Cell<Rule>[] = [
  { name: "Rule", width: "24%", cell: (one) => <Line text={one.rule} /> },
  { name: "Side", width: "56px", cell: (one) => one.stage ?? "–" },
  { name: "Checked", width: "64px", number: true, cell: (one) => count(one.checked) },
  {
    name: "Fired",
    width: "60px",
    number: true,
    cell: (one) => percent(one.checked ? 1 - one.passed / one.checked : null),
  },
  { name: "Would have", cell: (one) => counted(one.would) },
  { name: "Did", cell: (one) => counted(one.did) },
  {
    name: "Failed",
    width: "52px",
    number: true,
    cell: (one) => count(one.errors + one.timeouts),
  },
];
