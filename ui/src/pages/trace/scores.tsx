/** The scores of a span, and one's own. */
import { count } from "@/kit/format";
import { isQuiet } from "@/kit/judged";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Line } from "@/parts/text";
import { Verdict } from "@/parts/verdict";
import { Annotate } from "./annotate";
import type { Score } from "./data";
import { withdrawn } from "./withdrawing";

export function Scores(props: {
  trace_id: string;
  span_id: string;
  scores: readonly Score[];
  /** The span stands for its trace: what is annotated is the trace. */
  isTrace: boolean;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
}) {
  const quiet = props.scores.filter(isQuiet);
  const shown = props.scores.filter((one) => !quiet.includes(one));
  return (
    <div className="stack">
      {shown.length > 0 && (
        <ul className="trace-scores">
          {shown.map((score) => (
            <OneScore key={score.score_id} score={score} />
          ))}
        </ul>
      )}
      {quiet.length > 0 && (
        <details>
          <summary className="soft">{count(quiet.length)} checks of guards found nothing</summary>
          <ul className="trace-scores">
            {quiet.map((score) => (
              <OneScore key={score.score_id} score={score} />
            ))}
          </ul>
        </details>
      )}
      {props.isOpen ? (
        <Annotate
          trace_id={props.trace_id}
          span_id={props.isTrace ? null : props.span_id}
          names={[...new Set(props.scores.map((one) => one.name))]}
          onClose={() => props.onOpen(false)}
        />
      ) : (
        <p>
          <Button onClick={() => props.onOpen(true)}>
            Annotate {props.isTrace ? "the trace" : "the span"} <kbd>a</kbd>
          </Button>
        </p>
      )}
    </div>
  );
}

function OneScore({ score }: { score: Score }) {
  const { would, mode } = score.metadata as { would?: string; mode?: string };
  const isOurs = "annotation" in score.metadata;
  return (
    <li>
      <strong className="cut">
        <Line text={score.name} />
      </strong>
      <Verdict score={score} />
      {would && <Badge tone="warn">would {would}</Badge>}
      {mode && mode !== "enforce" && <Badge>{mode}</Badge>}
      <span className="grow cut">{score.reason && <Line text={score.reason} />}</span>
      <span className="soft cut trace-source">
        {score.source}
        {score.author ? " · " : ""}
        {score.author && <Line text={score.author} />}
      </span>
      {isOurs && (
        <Button
          kind="quiet"
          aria-label={`Withdraw ${score.name}`}
          onClick={() => void withdrawn(score)}
        >
          Withdraw
        </Button>
      )}
    </li>
  );
}
