/** Columns over the rows of a dataset: an experiment for each. */
import { useState } from "react";
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { type Board, ready } from "@/kit/board";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { sending } from "./sending";

interface Props {
  board: Board;
  given: Record<string, unknown>;
  onClose: () => void;
}

export function OverDataset(props: Props) {
  const { board, given, onClose } = props;
  const [dataset, setDataset] = useState("");
  const [split, setSplit] = useState("");
  const [scorers, setScorers] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [runs, setRuns] = useState<readonly Schemas["Run"][]>([]);
  const { data } = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  const all = board.columns.map((one) => ready(one, ROW, given));
  const wrong = [...new Set(all.flatMap((one) => one.wrong))];
  const chosen = data?.data.find((one) => one.name === dataset);
  const start = async (event: React.FormEvent) => {
    event.preventDefault();
    try {
      const columns = all.flatMap(({ sent }) => (sent ? [{ ...sent, messages: [] }] : []));
      const names = scorers.split(/[\s,]+/).filter(Boolean);
      const begun = await api.post("/api/v1/playground/runs", {
        body: { columns: sending(columns), dataset, scorers: names, split: split || null },
      });
      changed("runs", "experiments");
      setRuns(begun.data);
    } catch (failure) {
      setError(failure as Error);
    }
  };
  return (
    <Dialog title="Run the columns on a dataset" onClose={onClose}>
      {runs.length > 0 ? (
        <Begun runs={runs} columns={board.columns.map((one) => one.id)} />
      ) : (
        <form className="stack" onSubmit={(event) => void start(event)}>
          <Field label="Dataset" hint={chosen && `${count(chosen.size)} rows`}>
            <select
              className="input"
              required
              value={dataset}
              onChange={(event) => {
                setDataset(event.target.value);
                setSplit("");
              }}
            >
              <option value="">Choose one</option>
              {(data?.data ?? []).map((one) => (
                <option key={one.name} value={one.name}>
                  {visible(one.name)}
                </option>
              ))}
            </select>
          </Field>
          {chosen && Object.keys(chosen.splits).length > 0 && (
            <Field label="Split">
              <select
                className="input"
                value={split}
                onChange={(event) => setSplit(event.target.value)}
              >
                <option value="">all rows</option>
                {Object.entries(chosen.splits).map(([name, size]) => (
                  <option key={name} value={name}>
                    {visible(name)}, {count(size)} rows
                  </option>
                ))}
              </select>
            </Field>
          )}
          <Scorers value={scorers} onChange={setScorers} />
          <p className="soft">
            Each row is asked with the words of each column. Members of its input are variables; a
            text is the variable question, and the user's message where there is none. The
            conversation of this page is left out.
          </p>
          {wrong.map((one) => (
            <p key={one} className="playground-wrong">
              {one}
            </p>
          ))}
          {error && <Failure error={error} />}
          <div>
            <Button kind="main" type="submit" disabled={!dataset || wrong.length > 0}>
              Start {board.columns.length === 1 ? "the run" : `${board.columns.length} runs`}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

// A row brings the question.
const ROW = [{ role: "user", text: "?", isJson: false }];

function Scorers(props: { value: string; onChange: (value: string) => void }) {
  const { data } = useAnswer(["scorers"], (signal) => api.get("/api/v1/scorers", { signal }));
  return (
    <>
      <Field label="Scorers" hint="Between commas; the usual ones where it is empty.">
        <input
          className="input"
          list="playground-scorers"
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
        />
      </Field>
      <datalist id="playground-scorers">
        {(data?.data ?? []).map((one) => (
          <option key={one.name} value={one.name} />
        ))}
      </datalist>
    </>
  );
}

function Begun(props: { runs: readonly Schemas["Run"][]; columns: readonly string[] }) {
  const [first, second] = props.runs;
  return (
    <div className="stack" role="status">
      <p>{props.runs.length === 1 ? "The run has begun." : "The runs have begun."}</p>
      <ul className="playground-runs">
        {props.runs.map((one, at) => (
          <li key={one.run_id}>
            {visible(props.columns[at] ?? "")}:{" "}
            <Link href={`/experiments/${encodeURIComponent(one.run_id)}`}>{visible(one.name)}</Link>
          </li>
        ))}
      </ul>
      {first && second && (
        <p>
          <Link href={`/compare?base=${first.run_id}&new=${second.run_id}`}>
            Compare the second with the first
          </Link>
        </p>
      )}
    </div>
  );
}
