/** The metrics of a run by groups of its cases, with differences from a baseline where there is one. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { change, changeBetween, unitOf, way } from "@/kit/measure";
import { useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { Measured } from "@/parts/outcome";
import "./slices.css";

const FIELDS = ["tag", "split", "cluster", "language", "length"];
const MOST = 40;
type Group = Schemas["trimtab.experiments.groups.Group"];
type Sliced = Schemas["Sliced"];

export function Slices({ run, base }: { run: string; base?: string }) {
  const [by, setBy] = useParam("by", "tag");
  const found = useAnswer(["runs", run, "slices", base, by], (signal) =>
    api.get("/api/v1/runs/{run_id}/slices", {
      path: { run_id: run },
      query: { by, baseline: base },
      signal,
    }),
  );
  return (
    <div className="slices">
      <Field
        label="Groups by"
        small
        hint="A field of the rows, or metadata.KEY. Groups of fewer than 20 scored cases are not tested."
      >
        <input
          className="input"
          list="slices-fields"
          defaultValue={by}
          onKeyDown={(event) => event.key === "Enter" && setBy(event.currentTarget.value.trim())}
          onBlur={(event) => setBy(event.currentTarget.value.trim())}
        />
      </Field>
      <datalist id="slices-fields">
        {FIELDS.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {found.error ? (
        <Failure error={found.error} again={() => void found.refetch()} />
      ) : (
        (found.data?.data ?? []).map((one) => (
          <One key={`${one.by} ${one.metric}`} sliced={one} compared={base !== undefined} />
        ))
      )}
    </div>
  );
}

function One({ sliced, compared }: { sliced: Sliced; compared: boolean }) {
  const groups = sliced.groups ?? [];
  const higher = sliced.higher_is_better;
  const unit = unitOf(
    sliced.metric,
    groups.map((group) => group.estimate),
    { higher },
  );
  const top = Math.max(...groups.map((group) => group.estimate.high ?? group.estimate.value ?? 0));
  return (
    <section>
      <h2>{visible(sliced.metric)}</h2>
      <table>
        <thead>
          <tr>
            <th>{visible(sliced.by)}</th>
            <th className="number">Scored</th>
            <th>Value, with its interval</th>
            {compared && <th>Difference</th>}
            <th className="number">Adjusted p</th>
          </tr>
        </thead>
        <tbody>
          {groups.slice(0, MOST).map((group) => (
            <tr key={group.key}>
              <th scope="row">{visible(group.key)}</th>
              <td className="number">
                {count(group.estimate.n)} of {count(group.estimate.total)}
              </td>
              <td>
                <Measured
                  figure={group.estimate}
                  unit={unit}
                  from={0}
                  to={unit === "share" ? 1 : top}
                />
              </td>
              {compared && <Delta group={group} unit={unit} higher={higher} />}
              <td className="number soft">{tested(group)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {groups.length + sliced.more > MOST && (
        <p className="soft">
          {count(groups.length + sliced.more - Math.min(MOST, groups.length))} smaller groups are
          not shown.
        </p>
      )}
    </section>
  );
}

function Delta(props: { group: Group; unit: ReturnType<typeof unitOf>; higher: boolean }) {
  const figure = props.group.comparison?.difference;
  if (!figure) return <td className="soft">–</td>;
  const tone = { better: "status ok", worse: "status error", open: "" }[way(figure, props.higher)];
  return (
    <td>
      <span className={tone}>{change(figure.value, props.unit)}</span>{" "}
      <span className="soft">{changeBetween(figure, props.unit)}</span>
    </td>
  );
}

function tested(group: Group): string {
  if (group.small) return "too few";
  if (group.p_adjusted === null) return "–";
  return group.p_adjusted < 0.0001 ? "< 0.0001" : group.p_adjusted.toFixed(4);
}
