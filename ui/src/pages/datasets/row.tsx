import type { ReactNode } from "react";
import { laidOut, said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Json } from "@/parts/json";
import { Text } from "@/parts/text";
import { type Example, Source } from "./rows";

/** All of one row. */
export function Row({ row, onClose }: { row: Example; onClose: () => void }) {
  return (
    <section className="datasets-row" aria-label="Row">
      <header className="spread">
        <h2 className="mono cut">{visible(row.example_id)}</h2>
        <span className="row">
          <Copy text={() => JSON.stringify(row)} label="Copy as JSON" />
          <Button kind="quiet" aria-label="Close the row" onClick={onClose}>
            ✕
          </Button>
        </span>
      </header>
      <div className="row datasets-facts">
        {row.split && <Badge>split {visible(row.split)}</Badge>}
        {row.cluster && <Badge>cluster {visible(row.cluster)}</Badge>}
        {(row.tags ?? []).map((tag) => (
          <Badge key={tag}>{visible(tag)}</Badge>
        ))}
        {row.source_trace && (
          <span>
            made of the call <Source row={row} />
          </span>
        )}
      </div>
      <Part title="Input">
        <Said value={row.input} />
      </Part>
      <Part title="Expected">
        {row.expected === null || row.expected === undefined ? (
          <span className="soft">It is not known.</span>
        ) : (
          <Said value={row.expected} />
        )}
      </Part>
      {(row.context ?? []).map((passage, index) => (
        <Part key={index} title={`Context ${index + 1}`}>
          <Text text={passage} />
        </Part>
      ))}
      {Object.keys(row.metadata ?? {}).length > 0 && (
        <Part title="Metadata">
          <Json value={row.metadata} />
        </Part>
      )}
    </section>
  );
}

export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** A value of a row: text as it is, anything else as JSON. */
export function Said({ value }: { value: unknown }) {
  if (typeof value === "object" && value !== null) return <Json value={value} />;
  return <Text text={laidOut(said(value))} />;
}
