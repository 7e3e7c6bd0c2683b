/** What a gate said of a run, and why. */
import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { visible } from "@/kit/visible";
import { Outcome } from "@/parts/outcome";
import { type Run, toRun } from "./list";

export function Verdict(props: { verdict: Schemas["Verdict"]; base: Run | null }) {
  const { verdict, base } = props;
  return (
    <section className="stack">
      <h2>
        The gate
        {base && (
          <span className="experiments-against">
            {" "}
            against <Link href={toRun(base.run_id)}>{visible(base.name)}</Link>
          </span>
        )}
      </h2>
      <ul className="experiments-reasons">
        {verdict.reasons.map((reason, index) => (
          <li key={index}>
            <Outcome outcome={verdict.outcomes?.[index] ?? verdict.outcome} />
            <span>{visible(reason)}</span>
          </li>
        ))}
      </ul>
      {(verdict.notes ?? []).map((note) => (
        <p key={note} className="soft">
          {visible(note)}
        </p>
      ))}
    </section>
  );
}
