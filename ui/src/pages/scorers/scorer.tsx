import type { ReactNode } from "react";
import { described } from "@/kit/docstring";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Snippet } from "@/parts/copy";
import { Text } from "@/parts/text";
import { Cards } from "./cards";
import type { Card, Info } from "./list";

/** One scorer: what it measures, what it needs, how it is used, and how far it was believed. */
export function Scorer(props: { scorer: Info; cards: readonly Card[]; onClose: () => void }) {
  const { scorer } = props;
  const told = described(scorer.description);
  return (
    <section className="scorers-one" aria-label="Scorer">
      <header className="spread">
        <h2 className="mono">{visible(scorer.name)}</h2>
        <Button kind="quiet" aria-label="Close the scorer" onClick={props.onClose}>
          ✕
        </Button>
      </header>
      <p className="row scorers-badges">
        <Badge>{scorer.tier}</Badge>
        <Badge>{scorer.scale}</Badge>
        <Badge>{scorer.higher_is_better ? "more is better" : "less is better"}</Badge>
        <Badge>version {visible(scorer.version)}</Badge>
      </p>
      <div className="scorers-told">
        {told.paragraphs.map((one, at) => (
          <Text key={at} text={one.text} mono={one.isCode} />
        ))}
      </div>
      <dl className="scorers-facts">
        <Fact name="Needs">{scorer.needs.join(", ") || "nothing"}</Fact>
        <Fact name="Looks also at">{scorer.takes.join(", ") || "nothing else"}</Fact>
        <Fact name="Works with">{scorer.resources.join(", ") || "nothing"}</Fact>
        <Fact name="Digest">
          <span className="mono">{scorer.digest.slice(0, 16)}</span>
        </Fact>
      </dl>
      {scorer.parameters.length > 0 && (
        <table className="scorers-table">
          <caption className="unseen">Parameters</caption>
          <thead>
            <tr>
              <th>Parameter</th>
              <th>Type</th>
              <th>Default</th>
              <th>What it is</th>
            </tr>
          </thead>
          <tbody>
            {scorer.parameters.map((one) => (
              <tr key={one.name}>
                <td className="mono">{visible(one.name)}</td>
                <td className="mono soft">{visible(one.type)}</td>
                <td className="mono">{visible(one.default)}</td>
                <td>{visible(told.parameters[one.name] ?? "")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Snippet label="In a terminal" code={`trimtab scorers show ${scorer.name}`} />
      <Snippet label="In a program" code={program(scorer.name)} />
      {(scorer.tier === "judge" || props.cards.length > 0) && (
        <>
          <h3>How far it can be believed</h3>
          <Cards cards={props.cards} of={scorer.name} />
        </>
      )}
    </section>
  );
}

function program(name: string): string {
  return `import trimtab

found = trimtab.evaluate(task, "golden", scorers=["${name}"])
print(found.metrics["${name}"])`;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="soft">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
