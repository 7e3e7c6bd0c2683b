/** A version compared with any other: the words, and the values that go with them. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { patch, useParams } from "@/kit/state";
import { written } from "@/kit/values";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Words } from "@/parts/words";
import { refOf, type Version } from "./version";

type Difference = Schemas["trimtab.prompts.difference.Difference"];

const SIGNS = { added: "+ added", removed: "− removed", changed: "changed" } as const;

/** The version that is compared with: that of the address, else the one before. */
export function useAgainst(versions: readonly Version[], now: Version): Version | undefined {
  const { against } = useParams();
  const named = versions.find((one) => String(one.version) === against);
  if (named && named !== now) return named;
  return (
    versions.find((one) => one.version === now.version - 1) ?? versions.find((one) => one !== now)
  );
}

export function Changes({ versions, now }: { versions: readonly Version[]; now: Version }) {
  const against = useAgainst(versions, now);
  const [ref, other] = [refOf(now), against ? refOf(against) : ""];
  const { data, error, refetch, isPlaceholderData } = useAnswer(
    ["prompts", "diff", ref, other],
    (signal) =>
      api.get("/api/v1/prompts/{ref}/diff", { path: { ref }, query: { against: other }, signal }),
    { on: against !== undefined },
  );
  if (!against)
    return <p className="soft">There is one version; there is nothing to compare with.</p>;
  return (
    <div className="stack">
      <div className="row">
        <Against versions={versions} now={now} against={against} />
        <Button
          onClick={() =>
            patch({
              version: String(against.version),
              against: String(now.version),
              view: "changes",
            })
          }
        >
          The other way round
        </Button>
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && !isPlaceholderData && <Compared difference={data} />}
    </div>
  );
}

export function Against(props: { versions: readonly Version[]; now: Version; against: Version }) {
  return (
    <label className="row">
      Version {props.now.version} compared with
      <select
        className="input prompt-against"
        value={props.against.version}
        onChange={(event) => patch({ against: event.target.value })}
      >
        {props.versions
          .filter((one) => one !== props.now)
          .map((one) => (
            <option key={one.version} value={one.version}>
              version {one.version}
              {one.labels.length > 0 && ` (${visible(one.labels.join(", "))})`}
            </option>
          ))}
      </select>
    </label>
  );
}

function Compared({ difference }: { difference: Difference }) {
  return (
    <>
      <p role="status">
        <Sentence text={difference.says} />
      </p>
      {difference.messages.map((one, index) => (
        <article key={index} className="prompt-message">
          <h2>
            {visible(one.role)} <Badge>{SIGNS[one.kind]}</Badge>
          </h2>
          <div className="words text" dir="auto">
            {one.words.map(([sign, text], at) => {
              const shown = visible(text);
              if (sign === "=") return <span key={at}>{shown}</span>;
              return sign === "-" ? <del key={at}>{shown}</del> : <ins key={at}>{shown}</ins>;
            })}
          </div>
        </article>
      ))}
      {difference.changes.length > 0 && (
        <table className="prompt-changes">
          <thead>
            <tr>
              <th scope="col">Also</th>
              <th scope="col">Change</th>
              <th scope="col">Values</th>
            </tr>
          </thead>
          <tbody>
            {difference.changes.map((one) => (
              <tr key={one.field}>
                <th scope="row" className="mono">
                  {visible(one.field)}
                </th>
                <td>{SIGNS[one.kind]}</td>
                <td className="mono">
                  <Values change={one} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** What stands between backticks is a name. */
export function Sentence({ text }: { text: string }) {
  return text
    .split("`")
    .map((part, index) =>
      index % 2 === 0 ? visible(part) : <code key={index}>{visible(part)}</code>,
    );
}

type Change = Difference["changes"][number];

/** A short value before and after, a long one word by word. */
function Values({ change }: { change: Change }) {
  const [old, now] = [said(change.before), said(change.after)];
  if (change.kind === "changed" && (old.includes("\n") || now.includes("\n")))
    return <Words old={old} now={now} />;
  return (
    <div className="prompt-values text" dir="auto">
      {old && <del>{visible(old)}</del>}
      {old && now && " → "}
      {now && <ins>{visible(now)}</ins>}
    </div>
  );
}

/** A value without the members that say nothing. */
function said(value: unknown): string {
  if (typeof value !== "object" || value === null) return written(value);
  const told = Object.entries(value).filter(([, one]) => one !== null && one !== "");
  const kept = Array.isArray(value) ? value : Object.fromEntries(told);
  const text = JSON.stringify(kept);
  return text.length <= 80 ? text : JSON.stringify(kept, null, 2);
}
