import { Link } from "wouter";
import { digits } from "@/kit/format";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Part, Said } from "@/parts/case";
import { Words } from "@/parts/words";
import { type Change, KINDS, Moved } from "./cases";

/** One case in both runs: the whole difference, the scores with their reasons, and both traces. */
export function Case({ change, onClose }: { change: Change; onClose: () => void }) {
  const [kind] = KINDS[change.kind] ?? [change.kind];
  const { before_trace: before, after_trace: after, expected } = change;
  return (
    <section className="case" aria-label="Case">
      <header className="spread">
        <h2 className="cut">
          {kind} <span className="mono">{visible(change.example_id)}</span>
        </h2>
        <Button kind="quiet" aria-label="Close the case" onClick={onClose}>
          ✕
        </Button>
      </header>
      <p className="row">
        {before && <Link href={`/traces/${before}`}>Trace before</Link>}
        {after && <Link href={`/traces/${after}`}>Trace now</Link>}
        {before && after && <Link href={`/traces/${before}/diff/${after}`}>Both traces</Link>}
      </p>
      <Part title="Input">
        <Said value={change.input ?? null} />
      </Part>
      {expected !== null && expected !== undefined && (
        <Part title="Expected">
          <Said value={expected} />
        </Part>
      )}
      <Part title="Answer: what went, what came">
        {(change.before_error || change.after_error) && (
          <p className="bad">
            {change.after_error ? "The task failed now." : "The task failed before."}
          </p>
        )}
        <Words
          old={change.before_error ?? said(change.before)}
          now={change.after_error ?? said(change.after)}
        />
      </Part>
      <Part title="Scores">
        <dl className="case-scores">
          {change.shifts.map((shift) => (
            <div key={shift.metric}>
              <dt>
                <Moved shift={shift} />
              </dt>
              <dd>
                <span>
                  {number(shift.before)} → {number(shift.after)}
                  {shift.decides ? "" : ", does not decide"}
                </span>
                {shift.reason_before && (
                  <div className="soft">before: {visible(shift.reason_before)}</div>
                )}
                {shift.reason_after && <div>now: {visible(shift.reason_after)}</div>}
              </dd>
            </div>
          ))}
        </dl>
      </Part>
    </section>
  );
}

function number(value: number | null): string {
  return value === null ? "not scored" : digits(value);
}
