/** What a run did and is still to do, one line for each step and item. */
import type { Schemas } from "@/api/client";
import { count, duration, money } from "@/kit/format";
import { placed, type StepLine } from "@/kit/plan-steps";
import { visible } from "@/kit/visible";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { lasted, State } from "./state";

export type Shown = StepLine<Schemas["StepRecord"]>;

export function Steps(props: { lines: readonly Shown[]; onOpen: (line: Shown) => void }) {
  const records = props.lines.flatMap((line) => line.record ?? []);
  const columns: Column<Shown>[] = [
    {
      name: "Step",
      width: "minmax(96px, 1.2fr)",
      cell: ({ step, item }) =>
        item === null ? visible(step) : <span className="plans-item">item {item}</span>,
    },
    { name: "State", width: "92px", cell: (line) => <State status={line.state} /> },
    {
      name: "Time",
      width: "minmax(60px, 1fr)",
      cell: ({ record }) => record && <Bar {...placed(record, records)} />,
    },
    {
      name: "Took",
      width: "64px",
      number: true,
      cell: ({ record }) => (record ? duration(Math.round(lasted(record))) : "–"),
    },
    {
      name: "Calls",
      width: "40px",
      number: true,
      cell: ({ record }) => count(record?.calls || null),
    },
    {
      name: "Cost",
      width: "68px",
      number: true,
      cell: ({ record }) => (record?.calls ? money(record.cost_usd) : "–"),
    },
    {
      name: "Answered by",
      width: "minmax(90px, 1fr)",
      cell: ({ record }) => <Line text={record?.pinned ?? record?.model} />,
    },
  ];
  return (
    <Table
      label="Steps"
      columns={columns}
      rows={props.lines}
      rowKey={(line) => line.key}
      onOpen={props.onOpen}
      tone={(line) => (line.state === "failed" ? "error" : undefined)}
    />
  );
}

function Bar({ left, width }: { left: number; width: number }) {
  return (
    <span className="plans-time" aria-hidden="true">
      <span style={{ left: `${left}%`, width: `${width}%` }} />
    </span>
  );
}
