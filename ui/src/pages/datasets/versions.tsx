import type { Schemas } from "@/api/client";
import { count } from "@/kit/format";
import { step } from "@/kit/state";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { splits } from "./list";

type Dataset = Schemas["Dataset"];

const COLUMNS: readonly Column<Dataset>[] = [
  { name: "Version", width: "56px", number: true, cell: (row) => row.version },
  { name: "When", width: "56px", cell: (row) => <When ns={row.created_ns} /> },
  { name: "Rows", width: "64px", number: true, cell: (row) => count(row.size) },
  { name: "Splits", width: "minmax(90px, 1fr)", cell: (row) => <Line text={splits(row)} /> },
  { name: "Clusters", width: "64px", number: true, cell: (row) => count(row.clusters) },
  { name: "Repeated", width: "68px", number: true, cell: (row) => count(row.duplicates) },
  { name: "Of calls", width: "60px", number: true, cell: (row) => count(row.linked) },
  {
    name: "Tags",
    width: "minmax(60px, 0.6fr)",
    cell: (row) => <Line text={row.tags?.join(", ")} />,
  },
  { name: "Note", width: "minmax(120px, 2fr)", cell: (row) => <Line text={row.note} /> },
  {
    name: "Digest",
    width: "96px",
    cell: (row) => <span className="mono">{row.digest.slice(0, 10)}</span>,
  },
];

/** Every version, newest first; one that is opened is shown with its rows. */
export function Versions({ all }: { all: readonly Dataset[] }) {
  const open = (row: Dataset) =>
    step({ version: row === all[0] ? "" : String(row.version), tab: "", row: "", against: "" });
  return (
    <Table
      label="Versions"
      columns={COLUMNS}
      rows={all}
      rowKey={(row) => String(row.version)}
      onOpen={open}
    />
  );
}
