/** What the content of two releases does not have in common. */
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useParam } from "@/kit/state";
import { plain } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Failure } from "@/parts/failure";
import { Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { Words } from "@/parts/words";

type Release = Schemas["Release"];
type Change = Schemas["trimtab.releases.difference.Change"];

export function Difference(props: { release: Release; releases: readonly Release[] }) {
  const { release } = props;
  const [chosen, choose] = useParam("base");
  const others = props.releases.filter((one) => one !== release);
  const base =
    others.find((one) => String(one.version) === chosen) ??
    others.find((one) => one.state === "live") ??
    others.find((one) => one.version < release.version) ??
    others[0];
  const { data, error, refetch } = useAnswer(
    ["releases", "diff", release.release_id, base?.release_id],
    (signal) =>
      api.get("/api/v1/releases/{ref}/diff", {
        path: { ref: release.release_id },
        query: { base: base?.release_id ?? "" },
        signal,
      }),
    { on: base !== undefined },
  );
  if (!base) return <p className="soft">It is the only release of its route.</p>;
  return (
    <>
      <p className="row">
        From
        <select
          className="input"
          style={{ width: "auto" }}
          aria-label="Compared with"
          value={String(base.version)}
          onChange={(event) => choose(event.target.value)}
        >
          {others.map((one) => (
            <option key={one.release_id} value={one.version}>
              version {one.version}, {one.state}
            </option>
          ))}
        </select>
        to version {release.version}
      </p>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data?.same && <p>They have the same content.</p>}
      {data && !data.same && (
        <Rows
          label="Changes"
          rows={data.changes}
          rowKey={(one) => one.field}
          empty="Nothing else differs."
          columns={[
            { name: "Field", width: "34%", cell: (one) => <Line text={one.field} /> },
            { name: "Before", cell: (one) => <Value of={one} side="before" /> },
            { name: "After", cell: (one) => <Value of={one} side="after" /> },
          ]}
        />
      )}
      {data?.prompts && <Prompts names={data.prompts} />}
    </>
  );
}

function Value({ of, side }: { of: Change; side: "before" | "after" }) {
  if (!(side in of)) return <span className="soft">not there</span>;
  const value = of[side];
  return <Line text={typeof value === "string" ? value : JSON.stringify(value)} />;
}

function Prompts({ names }: { names: readonly [string, string] }) {
  const [before, after] = names;
  const [name] = before.split("@");
  const old = usePrompt(before);
  const now = usePrompt(after);
  return (
    <>
      <h3 className="spread">
        <span>
          {visible(before)} to {visible(after)}
        </span>
        <Link href={`/prompts/${encodeURIComponent(name ?? "")}`}>The prompt</Link>
      </h3>
      {old !== null && now !== null && <Words old={old} now={now} />}
    </>
  );
}

/** The messages of a version as one text. */
function usePrompt(ref: string): string | null {
  const { data } = useAnswer(["prompts", "version", ref], (signal) =>
    api.get("/api/v1/prompts/{ref}", { path: { ref }, signal }),
  );
  return data && `${data.name}@${data.version}` === ref ? plain(data.messages) : null;
}
