/** What changed between two versions: rows that came, went, or have other fields. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { many } from "@/kit/plural";
import { useParam } from "@/kit/state";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Line } from "@/parts/text";
import { Words } from "@/parts/words";

type Dataset = Schemas["Dataset"];
type Difference = Schemas["trimtab.datasets.difference.Difference"];

export function Changes({ dataset, all }: { dataset: Dataset; all: readonly Dataset[] }) {
  const [chosen, choose] = useParam("against");
  const others = all.filter((one) => one.version !== dataset.version);
  const before = others.find((one) => one.version < dataset.version) ?? others[0];
  const against = others.find((one) => String(one.version) === chosen) ?? before;
  const ref = `${dataset.name}@${dataset.version}`;
  const base = against ? `${against.name}@${against.version}` : "";
  const found = useAnswer(
    ["datasets", ref, "diff", base],
    (signal) =>
      api.get("/api/v1/datasets/{ref}/diff", {
        path: { ref },
        query: { against: base, limit: 200 },
        signal,
      }),
    { on: base !== "" },
  );
  if (!against)
    return <Empty title="There is one version only">A change makes the next one.</Empty>;
  return (
    <div className="datasets-page">
      <label className="row">
        <span>Version {dataset.version} against version</span>
        <select
          className="input datasets-version"
          aria-label="Against version"
          value={against.version}
          onChange={(event) => choose(event.target.value)}
        >
          {others.map((one) => (
            <option key={one.version} value={one.version}>
              {one.version}
            </option>
          ))}
        </select>
      </label>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.data && <Found found={found.data} />}
    </div>
  );
}

function Found({ found }: { found: Difference }) {
  const order = found.reordered ? " Rows that both have come in another order." : "";
  return (
    <>
      <p>
        {many(found.added, "row")} came, {count(found.removed)} went, {count(found.changed)}{" "}
        changed, {count(found.unchanged)} are the same.{order}
      </p>
      <Some title="Changed" shown={found.changed_rows.length} of={found.changed}>
        {found.changed_rows.map((row) => (
          <li key={row.example_id}>
            <strong className="mono">{visible(row.example_id)}</strong>
            {Object.entries(row.fields).map(([field, pair]) => (
              <div key={field} className="datasets-changed">
                <span className="soft">{field}</span>
                <Words old={said(pair[0])} now={said(pair[1])} />
              </div>
            ))}
          </li>
        ))}
      </Some>
      <Some title="Came" shown={found.added_rows.length} of={found.added}>
        {found.added_rows.map((row) => (
          <One key={row.example_id} row={row} sign="+" />
        ))}
      </Some>
      <Some title="Went" shown={found.removed_rows.length} of={found.removed}>
        {found.removed_rows.map((row) => (
          <One key={row.example_id} row={row} sign="−" />
        ))}
      </Some>
    </>
  );
}

function Some(props: { title: string; shown: number; of: number; children: React.ReactNode }) {
  if (props.of === 0) return null;
  const rest = props.shown < props.of ? `, the first ${count(props.shown)}` : "";
  return (
    <section>
      <h2>
        {props.title} <span className="soft">{`${count(props.of)}${rest}`}</span>
      </h2>
      <ul className="datasets-list">{props.children}</ul>
    </section>
  );
}

function One({ row, sign }: { row: Schemas["Example"]; sign: "+" | "−" }) {
  return (
    <li className="datasets-one" data-sign={sign}>
      <span aria-label={sign === "+" ? "came" : "went"} role="img">
        {sign}
      </span>
      <span className="mono cut">{visible(row.example_id)}</span>
      <span className="cut">
        <Line text={said(row.input)} />
      </span>
      <span className="cut soft">
        <Line text={said(row.expected)} />
      </span>
    </li>
  );
}
