/** Recorded calls as rows: those that a filter finds. */
import { useState } from "react";
import { useLocation } from "wouter";
import { api } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { FilterBar } from "@/parts/filter-bar";
import { done } from "@/parts/messages";
import { Line } from "@/parts/text";
import { to } from "./list";

const EXPECTED = {
  none: "Nothing: to be written later",
  output: "What was answered",
  score: "What a score says",
};
const SHOWN = 5;

export function Calls({ name: given, onClose }: { name?: string; onClose: () => void }) {
  const [, go] = useLocation();
  const [name, setName] = useState(given ?? "");
  const [filter, setFilter] = useState("kind:llm");
  const [expected, setExpected] = useState("none");
  const [score, setScore] = useState("");
  const [limit, setLimit] = useState("1000");
  const [append, setAppend] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const add = async () => {
    setBusy(true);
    try {
      const made = await api.post("/api/v1/datasets/{ref}/calls", {
        path: { ref: name.trim() },
        body: {
          filter,
          expected: expected === "score" ? `score:${score.trim()}` : expected,
          append,
          limit: Number(limit),
        },
      });
      done(`${visible(made.name)}@${made.version} has ${count(made.size)} rows`);
      changed("datasets");
      onClose();
      go(to(made.name));
    } catch (problem) {
      setError(problem as Error);
    }
    setBusy(false);
  };
  return (
    <Dialog
      title={given ? `Add calls to ${visible(given)}` : "A dataset of recorded calls"}
      onClose={onClose}
      wide
    >
      <div>
        <strong>Calls</strong>
        <FilterBar value={filter} onChange={setFilter} />
      </div>
      <Found filter={filter} />
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <div className="datasets-source">
          <Field label="Dataset">
            <input
              className="input"
              required
              maxLength={200}
              pattern="[^\/]+"
              readOnly={given !== undefined}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </Field>
          <Field label="At most so many calls, the newest">
            <input
              className="input"
              type="number"
              min={1}
              max={100_000}
              value={limit}
              onChange={(event) => setLimit(event.target.value)}
            />
          </Field>
          <Field label="Expected answer">
            <select
              className="input"
              value={expected}
              onChange={(event) => setExpected(event.target.value)}
            >
              {Object.entries(EXPECTED).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </Field>
          {expected === "score" && (
            <Field label="Score" hint="Calls of which it says nothing are left out.">
              <input
                className="input"
                required
                value={score}
                onChange={(event) => setScore(event.target.value)}
              />
            </Field>
          )}
        </div>
        <label className="row">
          <input
            type="checkbox"
            checked={append}
            onChange={(event) => setAppend(event.target.checked)}
          />
          Keep the rows of the version before, if there is one
        </label>
        {error && (
          <p role="alert" className="datasets-problem">
            {error.message}
          </p>
        )}
        <div>
          <Button kind="main" type="submit" disabled={busy}>
            {busy ? "Making …" : "Make the next version"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** What the newest of them were asked. */
function Found({ filter }: { filter: string }) {
  const { data, error } = useAnswer(["traces", "sample", filter], (signal) =>
    api.get("/api/v1/traces", { query: { filter, limit: SHOWN }, signal }),
  );
  if (error) return <p className="datasets-problem">{error.message}</p>;
  const rows = data?.data ?? [];
  return (
    <div className="datasets-sample">
      <span className="soft">
        {data && (rows.length > 0 ? "The newest that match:" : "No call matches.")}
      </span>
      <ul className="datasets-list" aria-label="The newest that match">
        {rows.map((trace) => (
          <li key={trace.trace_id} className="cut">
            <Line text={trace.input_preview ?? trace.name} />
          </li>
        ))}
      </ul>
    </div>
  );
}
