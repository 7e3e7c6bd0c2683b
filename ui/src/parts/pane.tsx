/** What a pane beside a list says: its title, what can be done, facts, and small tables. */
import { type ReactNode, useId, useState } from "react";
import { count } from "@/kit/format";
import { Button } from "@/parts/button";
import "./pane.css";

export function Pane(props: {
  title: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  onClose?: (() => void) | undefined;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className="pane" aria-labelledby={id}>
      <header className="spread">
        <h2 id={id} className="cut">
          {props.title}
        </h2>
        <span className="grow soft cut">{props.note}</span>
        {props.actions}
        {props.onClose && (
          <Button kind="quiet" aria-label="Close" onClick={props.onClose}>
            ✕
          </Button>
        )}
      </header>
      {props.children}
    </section>
  );
}

/** Names and what they are; what there is nothing of is left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export interface Cell<Row> {
  name: string;
  cell: (row: Row) => ReactNode;
  number?: boolean;
  width?: string;
}

const FIRST = 40;

/** A few rows as a plain table; the rest of many is one press away. */
export function Rows<Row>(props: {
  label: string;
  columns: readonly Cell<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  empty: ReactNode;
}) {
  const [all, setAll] = useState(false);
  const { columns, rows } = props;
  if (rows.length === 0) return <p className="soft">{props.empty}</p>;
  return (
    <>
      <table className="rows" aria-label={props.label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.name}
                scope="col"
                className={column.number ? "number" : undefined}
                style={{ width: column.width }}
              >
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(all ? rows : rows.slice(0, FIRST)).map((row) => (
            <tr key={props.rowKey(row)}>
              {columns.map((column) => (
                <td key={column.name} className={column.number ? "number" : "cut"}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > FIRST && !all && (
        <p>
          <Button onClick={() => setAll(true)}>Show all {count(rows.length)}</Button>
        </p>
      )}
    </>
  );
}
