/** Calibration cards: what was measured of a judge against labels of people. */
import { count, digits, moment } from "@/kit/format";
import { between, type Figure, said } from "@/kit/measure";
import { visible } from "@/kit/visible";
import { Empty } from "@/parts/empty";
import { Interval } from "@/parts/interval";
import type { Card } from "./list";

const FIGURES: readonly [keyof Card, string, "share" | "number", number, number][] = [
  ["agreement", "Labels met", "share", 0, 1],
  ["kappa", "Kappa", "number", -1, 1],
  ["alpha", "Alpha", "number", -1, 1],
  ["true_positive_rate", "True positive rate", "share", 0, 1],
  ["true_negative_rate", "True negative rate", "share", 0, 1],
  ["order_consistency", "Same in both orders", "share", 0, 1],
  ["length_slope", "Change per doubled length", "number", -1, 1],
];

export function Cards({ cards, of }: { cards: readonly Card[]; of?: string }) {
  if (cards.length === 0)
    return (
      <Empty
        title={of ? "It was not calibrated here" : "No judge was calibrated here"}
        code={`trimtab judge calibrate ${of ?? "correctness"} --help`}
      >
        A card says how far one version of a judge agrees with labels of people. Judges without a
        card that shows something are reported and do not gate.
      </Empty>
    );
  return (
    <div className="scorers-cards">
      {cards.map((card) => (
        <One key={`${card.digest} ${card.label} ${card.dataset} ${card.created_ns}`} card={card} />
      ))}
    </div>
  );
}

function One({ card }: { card: Card }) {
  return (
    <article className="scorers-card">
      <header className="spread">
        <strong className="mono cut">{visible(card.scorer)}</strong>
        <time className="soft">{moment(card.created_ns)}</time>
      </header>
      <p className="soft">
        {[
          card.model ? visible(card.model) : "",
          `label ${visible(card.label)} of ${visible(card.dataset)}`,
          `${count(card.judged)} of ${count(card.labelled)} labelled rows judged`,
          `digest ${visible(card.digest).slice(0, 12)}`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <dl className="scorers-figures">
        {FIGURES.map(([field, name, unit, from, to]) => {
          const figure = card[field] as Figure | null | undefined;
          return figure ? (
            <Row key={field} name={name} figure={figure} unit={unit} from={from} to={to} />
          ) : null;
        })}
        {card.repeat_spread != null && (
          <Plain name="Spread over repeats" value={card.repeat_spread} />
        )}
        {card.effective_votes != null && (
          <Plain name="Independent votes" value={card.effective_votes} />
        )}
      </dl>
    </article>
  );
}

function Row(props: {
  name: string;
  figure: Figure;
  unit: "share" | "number";
  from: number;
  to: number;
}) {
  const { figure, unit } = props;
  const words = between(figure, unit);
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>
        <strong>{said(figure.value, unit)}</strong>
        {figure.value !== null && figure.low !== null && figure.high !== null && (
          <Interval
            value={figure.value}
            low={figure.low}
            high={figure.high}
            from={props.from}
            to={props.to}
            {...(props.from < 0 ? { mark: 0 } : {})}
            label={`${props.name}: ${words}`}
          />
        )}
        <span className="soft">{words || "no interval"}</span>
      </dd>
    </div>
  );
}

function Plain({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{digits(value)}</strong>
      </dd>
    </div>
  );
}
