/** Each metric of a run with its interval, and how many of its cases could be scored. */
import { count, percent } from "@/kit/format";
import { coverage, type Unit, unitOf } from "@/kit/measure";
import { step } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Empty } from "@/parts/empty";
import { Measured } from "@/parts/outcome";
import type { Run } from "./list";

export function Metrics({ run }: { run: Run }) {
  const applied = new Map((run.scorers ?? []).map((one) => [one.name, one]));
  const metrics = Object.entries(run.metrics ?? {});
  if (metrics.length === 0) {
    if (run.status === "running") return <p className="soft">Metrics come when the run ends.</p>;
    return <Empty title="Nothing was measured" />;
  }
  return (
    <section>
      <h2>Metrics</h2>
      <table className="experiments-table">
        <thead>
          <tr>
            <th>Metric</th>
            <th>Value, with an interval of 95 %</th>
            <th className="number">Scored</th>
            <th className="number">Coverage</th>
            <th>Better</th>
            <th>Method</th>
          </tr>
        </thead>
        <tbody>
          {metrics.map(([name, figure]) => {
            const higher = applied.get(name)?.higher_is_better ?? true;
            const unit = unitOf(name, [figure], { higher });
            const [from, to] = ends(unit, figure.high ?? figure.value ?? 1);
            const share = coverage(figure);
            return (
              <tr key={name}>
                <th scope="row">{visible(name)}</th>
                <td>
                  <Measured figure={figure} unit={unit} from={from} to={to} />
                </td>
                <td className="number">
                  {count(figure.n)} of {count(figure.total)}
                </td>
                <td className="number">
                  {share !== null && share < 1 ? (
                    <button
                      type="button"
                      className="experiments-link"
                      title="Show the answers that were not scored"
                      onClick={() => step({ tab: "Answers", show: `unscored:${name}` })}
                    >
                      {percent(share)}
                    </button>
                  ) : (
                    percent(share)
                  )}
                </td>
                <td className="soft">{higher ? "more" : "less"}</td>
                <td className="soft">{figure.method}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function ends(unit: Unit, high: number): [number, number] {
  return unit === "share" ? [0, 1] : [Math.min(0, high), Math.max(0, high)];
}
