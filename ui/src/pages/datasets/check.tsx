/** Rows that repeat each other, and rows that another set knows. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count, digits, percent } from "@/kit/format";
import { patch, useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";

const NEAR = ["0.7", "0.8", "0.9", "1"];

export function Check({ dataset }: { dataset: Schemas["Dataset"] }) {
  const ref = `${dataset.name}@${dataset.version}`;
  const [near, setNear] = useParam("near", "0.8");
  const [against, setAgainst] = useParam("known", "");
  const others = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  const found = useAnswer(["datasets", ref, "check", near, against], (signal) =>
    api.get("/api/v1/datasets/{ref}/check", {
      path: { ref },
      query: { near, against, limit: 100 },
      signal,
    }),
  );
  const names = (others.data?.data ?? []).map((one) => one.name);
  return (
    <div className="datasets-page">
      <div className="row datasets-asked">
        <Field label="Nearly the same from" small>
          <select className="input" value={near} onChange={(event) => setNear(event.target.value)}>
            {NEAR.map((one) => (
              <option key={one} value={one}>
                {percent(Number(one), 0)} of the words
              </option>
            ))}
          </select>
        </Field>
        <Field label="Known to" small>
          <select
            className="input"
            value={against}
            onChange={(event) => setAgainst(event.target.value)}
          >
            <option value="">no other set</option>
            {names
              .filter((one) => one !== dataset.name)
              .map((one) => (
                <option key={one} value={one}>
                  {visible(one)}
                </option>
              ))}
          </select>
        </Field>
      </div>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.data && <Repeated dataset={dataset} near={near} found={found.data.repetition} />}
      {found.data?.contamination && <Known found={found.data.contamination} />}
    </div>
  );
}

function Repeated(props: {
  dataset: Schemas["Dataset"];
  near: string;
  found: Schemas["Repetition"];
}) {
  const { found, dataset } = props;
  const [busy, setBusy] = useState(false);
  const dedupe = async (near: number | null) => {
    setBusy(true);
    try {
      const path = { ref: `${dataset.name}@${dataset.version}` };
      const made = await api.post("/api/v1/datasets/{ref}/dedupe", { path, body: { near } });
      done(`${made.name}@${made.version} has ${count(made.size)} rows, none of them repeated`);
      changed("datasets");
      patch({ version: "", tab: "" });
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  return (
    <section className="stack">
      <h2>Rows that repeat an earlier one</h2>
      <p>
        Rows with the input of an earlier row: {count(found.exact)} of {count(found.rows)}. With
        nearly the same one: {count(found.near)} more.
      </p>
      <Pairs pairs={found.examples} of={found.exact + found.near} />
      {found.exact + found.near > 0 && (
        <div className="row">
          <Button disabled={busy || found.exact === 0} onClick={() => void dedupe(null)}>
            Next version without the repeated
          </Button>
          <Button disabled={busy} onClick={() => void dedupe(Number(props.near))}>
            Without the nearly repeated too
          </Button>
        </div>
      )}
    </section>
  );
}

function Known({ found }: { found: Schemas["Contamination"] }) {
  return (
    <section className="stack">
      <h2>Rows that {visible(found.against)} knows</h2>
      <p>
        {count(found.exact)} of {count(found.rows)} rows have an input that is there too, and{" "}
        {count(found.overlapping)} share at least half of their runs of {found.gram_words} words:{" "}
        {percent(found.share)} in all.
      </p>
      <Pairs pairs={found.examples} of={found.exact + found.overlapping} />
    </section>
  );
}

function Pairs({ pairs, of }: { pairs: readonly Schemas["Likeness"][]; of: number }) {
  if (pairs.length === 0) return null;
  return (
    <table className="datasets-pairs">
      <thead>
        <tr>
          <th>Row</th>
          <th>Is like</th>
          <th className="number">Likeness</th>
        </tr>
      </thead>
      <tbody>
        {pairs.map((pair) => (
          <tr key={`${pair.example_id} ${pair.other_id}`}>
            <td>
              <Id id={pair.example_id} />
            </td>
            <td className="mono">{visible(pair.other_id)}</td>
            <td className="number">{digits(pair.similarity)}</td>
          </tr>
        ))}
      </tbody>
      {pairs.length < of && (
        <caption className="soft">
          The first {count(pairs.length)} of {count(of)}
        </caption>
      )}
    </table>
  );
}

function Id({ id }: { id: string }) {
  return (
    <button
      type="button"
      className="datasets-link mono"
      title="Show the row"
      onClick={() => patch({ tab: "", row: id })}
    >
      {visible(id)}
    </button>
  );
}
