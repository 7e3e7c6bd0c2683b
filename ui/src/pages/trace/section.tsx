import type { ReactNode } from "react";
import { Copy } from "@/parts/copy";

/** A part of what is shown of a span, which can be closed; `copy` is what its button takes along. */
export function Section(props: {
  title: string;
  open?: boolean;
  note?: ReactNode;
  copy?: unknown;
  children: ReactNode;
}) {
  const { copy } = props;
  return (
    <details className="trace-section" open={props.open}>
      <summary>
        <h3>{props.title}</h3>
        {props.note}
      </summary>
      {copy !== undefined && copy !== null && (
        <div className="trace-copy">
          <Copy text={() => (typeof copy === "string" ? copy : JSON.stringify(copy, null, 2))} />
        </div>
      )}
      {props.children}
    </details>
  );
}
