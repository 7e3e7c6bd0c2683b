/** A version with values filled in: what would be sent, how long it is, what it would cost. */
import { useEffect, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { lineOf } from "@/kit/board";
import { count, money } from "@/kit/format";
import { patch, useParams } from "@/kit/state";
import { isObject, json, read, written } from "@/kit/values";
import { visible } from "@/kit/visible";
import { Failure } from "@/parts/failure";
import { Text } from "@/parts/text";
import { Variables } from "@/parts/variables";
import { refOf, type Version, wantedBy } from "./version";

const PAUSE_MS = 300;

/** Values of variables in the address, as they are written. */
export function useValues(): Readonly<Record<string, string>> {
  const { values } = useParams();
  const found = values ? json(values) : null;
  if (!isObject(found)) return {};
  return Object.fromEntries(Object.entries(found).map(([name, one]) => [name, written(one)]));
}

export function Preview({ version }: { version: Version }) {
  const kept = useValues();
  const [values, setValues] = useState(kept);
  const wanted = wantedBy(version);
  const { values: given, wrong, missing } = read(wanted, values);
  const text = JSON.stringify(values);
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(text);
      patch({ values: text === "{}" ? "" : text });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const isWhole = missing.length === 0 && Object.keys(wrong).length === 0;
  const ref = refOf(version);
  const { data, error, refetch } = useAnswer(
    ["prompts", "preview", ref, settled],
    () =>
      api.post("/api/v1/prompts/{ref}/preview", {
        path: { ref },
        body: { variables: given as Record<string, never> },
      }),
    { on: isWhole && settled === text },
  );
  return (
    <div className="stack">
      {wanted.length > 0 && (
        <section aria-label="Values">
          <Variables wanted={wanted} values={values} wrong={wrong} onChange={setValues} />
        </section>
      )}
      {missing.length > 0 && (
        <p className="soft" role="status">
          To be filled in: {visible(missing.join(", "))}
        </p>
      )}
      {isWhole && error && <Failure error={error} again={() => void refetch()} />}
      {isWhole && !error && data?.ref === ref && <Filled preview={data} />}
    </div>
  );
}

function Filled({ preview }: { preview: Schemas["Preview"] }) {
  return (
    <>
      {preview.messages.map((message, index) => {
        const line = lineOf(message);
        return (
          <article key={index} className="prompt-message">
            <h2>{visible(message.role)}</h2>
            <Text text={line.text} mono={line.isJson} />
          </article>
        );
      })}
      <p>
        About {count(preview.tokens)} tokens
        {preview.most_output_tokens !== null &&
          `, and at most ${count(preview.most_output_tokens)} of an answer`}
        .
      </p>
      {preview.models.length > 0 && <Costs models={preview.models} />}
    </>
  );
}

function Costs({ models }: { models: readonly Schemas["ModelPreview"][] }) {
  return (
    <table className="prompt-changes">
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col" className="number">
            Input
          </th>
          <th scope="col" className="number">
            With the longest answer
          </th>
          <th scope="col" className="number">
            Window
          </th>
        </tr>
      </thead>
      <tbody>
        {models.map((one) => (
          <tr key={one.model}>
            <th scope="row">{visible(one.model)}</th>
            <td className="number">{money(one.cost_usd)}</td>
            <td className="number">{money(one.most_usd)}</td>
            <td className="number">
              {one.fits === false && <span className="status error">✕ too long for </span>}
              {one.context_tokens === null ? "–" : `${count(one.context_tokens)} tok`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
