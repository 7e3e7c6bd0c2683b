/** What calls with a version came to, beside those with another. */
import { Link } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { term, tracesOf } from "@/kit/filters";
import { count, duration, money } from "@/kit/format";
import { ANY } from "@/kit/ranges";
import { visible } from "@/kit/visible";
import { Failure } from "@/parts/failure";
import { Scores } from "@/parts/scores";
import { Against, useAgainst } from "./changes";
import { refOf, type Version } from "./version";

export function Figures({ versions, now }: { versions: readonly Version[]; now: Version }) {
  const against = useAgainst(versions, now);
  return (
    <div className="stack">
      {against && (
        <div className="row">
          <Against versions={versions} now={now} against={against} />
        </div>
      )}
      <div className="prompt-beside">
        <Of version={now} />
        {against && <Of version={against} />}
      </div>
      <p className="soft">
        Recorded calls of any time, those of applications and those of runs. Calls differ in what
        was asked; an experiment asks both the same.
      </p>
    </div>
  );
}

function Of({ version }: { version: Version }) {
  const filter = term("prompt", refOf(version));
  const { data, error, refetch } = useAnswer(["metrics", "groups", filter], (signal) =>
    api.get("/api/v1/metrics/groups", { query: { filter, by: "model" }, signal }),
  );
  const used = (data?.data ?? []).filter((one) => one.calls > 0);
  return (
    <section className="stack" aria-label={`Calls with version ${version.version}`}>
      <h2>
        Version {version.version}{" "}
        {used.length > 0 && <Link href={tracesOf(filter)}>Its traces</Link>}
      </h2>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && used.length === 0 && <p className="soft">No call with it is recorded.</p>}
      {used.length > 0 && (
        <>
          <table className="prompt-changes">
            <thead>
              <tr>
                <th scope="col">Model</th>
                {["Calls", "Errors", "p50", "p95", "Cost"].map((name) => (
                  <th key={name} scope="col" className="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {used.map((one) => (
                <tr key={one.key ?? ""}>
                  <th scope="row">{visible(one.key ?? "unknown")}</th>
                  <td className="number">{count(one.calls)}</td>
                  <td className="number">{count(one.errors)}</td>
                  <td className="number">{duration(one.latency_p50_ms)}</td>
                  <td className="number">{duration(one.latency_p95_ms)}</td>
                  <td className="number">{money(one.cost_usd)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Scores filter={filter} asked={filter} range={ANY} />
        </>
      )}
    </section>
  );
}
