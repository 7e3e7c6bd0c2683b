/** What scores say of the calls that a filter finds, each with its interval. */
import { useState } from "react";
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, term, tracesOf } from "@/kit/filters";
import { count, digits, percent } from "@/kit/format";
import { said as measured, unitOf } from "@/kit/measure";
import { many } from "@/kit/plural";
import type { Range } from "@/kit/ranges";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Interval } from "@/parts/interval";
import "./scores.css";

type Figures = Schemas["ScoreFigures"];

export function Scores(props: { filter: string; asked: string; range: Range }) {
  const [all, setAll] = useState(false);
  const { data, error, refetch } = useAnswer(["scores", "figures", props.asked], (signal) =>
    api.get("/api/v1/metrics/scores", { query: { filter: props.asked }, signal }),
  );
  if (error) return <Failure error={error} again={() => void refetch()} />;
  const found = (data?.data ?? []).filter((one) => one.passed !== null || one.mean !== null);
  const guards = found.filter(isGuard);
  const rest = found.filter((one) => !isGuard(one));
  const shown = all || rest.length === 0 ? [...rest, ...guards] : rest;
  if (data && found.length === 0) return <p className="soft">No score in this period.</p>;
  return (
    <table className="scores">
      <thead>
        <tr>
          <th scope="col">Score</th>
          <th scope="col" className="number">
            Calls
          </th>
          <th scope="col" className="number">
            Value
          </th>
          <th scope="col">95 % interval</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((one) => (
          <tr key={`${one.name} ${one.source}`}>
            <th scope="row" className="cut">
              <Link href={leads(one, props.filter, props.range)}>
                <bdi>{visible(one.name)}</bdi>
              </Link>{" "}
              <span className="soft">{one.source}</span>
            </th>
            <td className="number">{count(one.scored)}</td>
            <td className="number">{said(one)}</td>
            <td>
              <Drawn score={one} />
            </td>
          </tr>
        ))}
        {shown.length < found.length && (
          <tr>
            <td colSpan={4}>
              <Button onClick={() => setAll(true)}>
                Show {many(guards.length, "rule")} of guards
              </Button>
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

const isGuard = (one: Figures) => one.name.startsWith("guard.");

const rate = (one: Figures) => (one.passed === null ? one.mean : one.passed / one.scored);

function said(one: Figures): string {
  const value = rate(one);
  if (value === null) return "–";
  return one.passed === null ? text(one)(value) : `${percent(value)} pass`;
}

/** A mean in the unit of what was measured. */
function text(one: Figures): (value: number) => string {
  if (one.passed !== null) return percent;
  const unit = unitOf(one.name, []);
  return (value) => measured(value, unit);
}

/** Those that did not pass; of a number, those that are not above its mean. */
function leads(one: Figures, filter: string, range: Range): string {
  const field = `score.${one.name}`;
  const which =
    one.passed !== null
      ? term(field, "false")
      : `${term(field, "x").replace(/:x$/, "")}<=${digits(one.mean ?? 0).replaceAll(",", "")}`;
  return tracesOf(both(filter, which), { ...range });
}

function Drawn({ score }: { score: Figures }) {
  const value = rate(score);
  if (value === null || score.low === null || score.high === null)
    return <span className="soft">too few</span>;
  const ends = `between ${text(score)(score.low)} and ${text(score)(score.high)}`;
  const label = `${said(score)}, ${ends}`;
  return (
    <Interval
      value={value}
      low={score.low}
      high={score.high}
      from={Math.min(0, score.low)}
      to={Math.max(1, score.high)}
      label={label}
      width={88}
    />
  );
}
