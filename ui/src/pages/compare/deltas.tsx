/** The difference of each metric with its interval; those of one unit share an axis. */
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { count, percent } from "@/kit/format";
import {
  around,
  change,
  changeBetween,
  coverage,
  said,
  type Unit,
  unitOf,
  way,
} from "@/kit/measure";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Interval } from "@/parts/interval";
import { Outcome } from "@/parts/outcome";

type Comparison = Schemas["Comparison"];

const SIGNS = { better: "▲ better", worse: "▼ worse", open: "· not proved" };
const TONES = { better: "ok", worse: "error", open: "soft" } as const;

export function Deltas({ verdict }: { verdict: Schemas["Verdict"] }) {
  const [why, setWhy] = useState(false);
  const all = verdict.comparisons ?? [];
  const units = new Map<string, Unit>(
    all.map((one) => [
      one.metric,
      unitOf(one.metric, [one.baseline, one.candidate], { higher: one.higher_is_better }),
    ]),
  );
  const reach = (unit: Unit) =>
    around(all.filter((one) => units.get(one.metric) === unit).map((one) => one.difference));
  return (
    <>
      <div className="compare-wide">
        <table className="compare-deltas">
          <thead>
            <tr>
              <th>Metric</th>
              <th className="number">Baseline</th>
              <th className="number">New</th>
              <th className="number">Difference</th>
              <th>Interval of 95 %, zero is the dashed line</th>
              <th>Proved</th>
              <th>Gate</th>
              <th className="number">Coverage</th>
              <th className="number">Could show</th>
            </tr>
          </thead>
          <tbody>
            {all.map((one) => (
              <One
                key={one.metric}
                one={one}
                unit={units.get(one.metric) ?? "number"}
                reach={reach(units.get(one.metric) ?? "number")}
              />
            ))}
          </tbody>
        </table>
      </div>
      <div>
        <Button kind="quiet" aria-expanded={why} onClick={() => setWhy(!why)}>
          {why ? "▾" : "▸"} Why
        </Button>
      </div>
      {why && (
        <ul className="compare-reasons">
          {[...verdict.reasons, ...(verdict.notes ?? [])].map((reason, index) => (
            <li key={index}>{visible(reason)}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function One({ one, unit, reach }: { one: Comparison; unit: Unit; reach: number }) {
  const figure = one.difference;
  const went = way(figure, one.higher_is_better);
  return (
    <tr>
      <th scope="row">{visible(one.metric)}</th>
      <td className="number">{said(one.baseline.value, unit)}</td>
      <td className="number">{said(one.candidate.value, unit)}</td>
      <td className="number">
        <strong>{change(figure.value, unit)}</strong>
      </td>
      <td>
        <Whiskers one={one} unit={unit} reach={reach} tone={TONES[went]} />
      </td>
      <td>
        <span className={`status ${TONES[went]}`}>{SIGNS[went]}</span>
      </td>
      <td>{one.outcome ? <Outcome outcome={one.outcome} /> : <span className="soft">no</span>}</td>
      <td className="number">
        <span title={`${count(figure.n)} of ${count(figure.total)} cases scored in both`}>
          {percent(coverage(figure))}
        </span>
      </td>
      <td className="number soft">{one.detectable === null ? "–" : size(one.detectable, unit)}</td>
    </tr>
  );
}

function Whiskers(props: {
  one: Comparison;
  unit: Unit;
  reach: number;
  tone: "ok" | "error" | "soft";
}) {
  const { value, low, high } = props.one.difference;
  if (value === null || low === null || high === null)
    return <span className="soft">no interval</span>;
  const words = changeBetween(props.one.difference, props.unit);
  return (
    <span className="row">
      <Interval
        value={value}
        low={low}
        high={high}
        from={-props.reach}
        to={props.reach}
        mark={0}
        label={`${visible(props.one.metric)}: ${words}`}
        tone={props.tone}
        width={180}
      />
      <span className="soft">{words}</span>
    </span>
  );
}

function size(value: number, unit: Unit): string {
  return unit === "share" ? `${(100 * value).toFixed(1)} points` : said(value, unit);
}
