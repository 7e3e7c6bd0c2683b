/** What a probe found each time, and the likeness of the answers over time. */
import type { Schemas } from "@/api/client";
import { digits, moment, percent } from "@/kit/format";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Chart } from "@/parts/chart";
import { Empty } from "@/parts/empty";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { Finding } from "./finding";
import "./probes.css";

type Look = Schemas["ProbeLook"];

/** A p-value: small ones in powers of ten, for three digits of them would be a row of noughts. */
export function chance(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value > 0 && value < 0.0001 ? value.toExponential(1).replace("-", "−") : digits(value);
}

export function Looks(props: {
  looks: readonly Look[];
  reference: string | null;
  known: boolean;
  onAccept: (run: string) => void;
}) {
  const { looks } = props;
  const reference = props.reference ?? looks.find((one) => one.status === "reference")?.run ?? null;
  const columns: Column<Look>[] = [
    { name: "When", width: "148px", cell: (row) => moment(row.time_ns) },
    { name: "Found", width: "110px", cell: (row) => <Finding status={row.status} /> },
    { name: "Alike", width: "60px", number: true, cell: (row) => percent(row.likeness) },
    { name: "Expected", width: "64px", number: true, cell: (row) => percent(row.expected) },
    { name: "p", width: "68px", number: true, cell: (row) => chance(row.p_value) },
    {
      name: "In words",
      width: "minmax(180px, 2.4fr)",
      cell: (row) => <Line text={row.sentence} />,
    },
    {
      name: "Answered by",
      width: "minmax(90px, 0.8fr)",
      cell: (row) => <Line text={row.models?.join(", ")} />,
    },
    {
      name: "Reference",
      width: "104px",
      bare: true,
      cell: (row) => <Reference row={row} now={reference} onAccept={props.onAccept} />,
    },
  ];
  return (
    <>
      <Likeness looks={looks} />
      <Table
        label="Looks"
        columns={columns}
        rows={looks}
        rowKey={(row) => row.run}
        href={(row) => `/experiments/${row.run}`}
        tone={(row) => (row.status === "drifted" ? "error" : undefined)}
        empty={
          props.known && (
            <Empty title="It did not look yet">
              The first look asks each question several times, and is the reference.
            </Empty>
          )
        }
      />
    </>
  );
}

function Reference(props: { row: Look; now: string | null; onAccept: (run: string) => void }) {
  const { row } = props;
  if (row.run === props.now) return <Badge tone="accent">in use</Badge>;
  if (row.status !== "reference") return null;
  return (
    <Button kind="quiet" tabIndex={-1} onClick={() => props.onAccept(row.run)}>
      Go back to it
    </Button>
  );
}

function Likeness({ looks }: { looks: readonly Look[] }) {
  const known = looks.filter((one) => one.likeness != null).reverse();
  if (known.length < 2) return null;
  return (
    <div className="probes-chart">
      <Chart
        label="Likeness of the answers"
        height={110}
        times={known.map((one) => one.time_ns / 1e9)}
        text={percent}
        lines={[
          {
            label: "alike",
            values: known.map((one) => one.likeness ?? null),
            colour: "--accent",
          },
          {
            label: "expected",
            values: known.map((one) => one.expected ?? null),
            colour: "--text-soft",
          },
        ]}
      />
    </div>
  );
}
