import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam } from "@/kit/state";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Search } from "@/parts/search";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { Calls } from "./calls";
import { Import } from "./import";
import "./datasets.css";

type Dataset = Schemas["Dataset"];

const FIRST = `echo '{"input": "Which port does the server use?", "expected": "8321"}' > golden.jsonl
trimtab datasets import golden golden.jsonl`;

const COLUMNS: readonly Column<Dataset>[] = [
  {
    name: "Name",
    width: "minmax(140px, 1.4fr)",
    cell: (row) => <Line text={row.name} />,
  },
  { name: "Version", width: "56px", number: true, cell: (row) => row.version },
  { name: "Rows", width: "64px", number: true, cell: (row) => count(row.size) },
  { name: "Splits", width: "minmax(90px, 1fr)", cell: (row) => <Line text={splits(row)} /> },
  { name: "Clusters", width: "64px", number: true, cell: (row) => count(row.clusters) },
  { name: "Repeated", width: "68px", number: true, cell: (row) => count(row.duplicates) },
  { name: "Of calls", width: "60px", number: true, cell: (row) => count(row.linked) },
  {
    name: "Tags",
    width: "minmax(60px, 0.7fr)",
    cell: (row) => <Line text={row.tags?.join(", ")} />,
  },
  { name: "Note", width: "minmax(100px, 1.6fr)", cell: (row) => <Line text={row.note} /> },
  { name: "When", width: "52px", cell: (row) => <When ns={row.created_ns} /> },
];

export default function Datasets() {
  const [search, setSearch] = useParam("search");
  const [making, setMaking] = useState<"file" | "calls" | null>(null);
  const found = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  useKeys([
    { keys: "i", does: "import a file", run: () => setMaking("file") },
    { keys: "a", does: "make a dataset of recorded calls", run: () => setMaking("calls") },
  ]);
  const asked = search.toLowerCase();
  const rows = (found.data?.data ?? []).filter((one) =>
    [one.name, one.note, ...(one.tags ?? [])].some((text) => text?.toLowerCase().includes(asked)),
  );
  return (
    <Frame
      title="Datasets"
      note={found.data && `${count(found.data.data.length)} datasets, the newest version of each`}
      actions={
        <>
          <Button onClick={() => setMaking("calls")}>
            From recorded calls <kbd>a</kbd>
          </Button>
          <Button kind="main" onClick={() => setMaking("file")}>
            Import a file <kbd>i</kbd>
          </Button>
        </>
      }
      bar={<Search value={search} onChange={setSearch} label="Find a dataset" />}
    >
      {found.error ? (
        <Failure error={found.error} again={() => void found.refetch()} />
      ) : (
        <Table
          label="Datasets"
          columns={COLUMNS}
          rows={rows}
          rowKey={(row) => row.name}
          href={(row) => to(row.name)}
          empty={found.isSuccess && <None search={search} />}
        />
      )}
      {making === "file" && <Import onClose={() => setMaking(null)} />}
      {making === "calls" && <Calls onClose={() => setMaking(null)} />}
    </Frame>
  );
}

export function to(name: string): string {
  return `/datasets/${encodeURIComponent(name)}`;
}

export function splits(dataset: Dataset): string {
  return Object.entries(dataset.splits ?? {})
    .map(([name, rows]) => `${name} ${count(rows)}`)
    .join(", ");
}

function None({ search }: { search: string }) {
  if (search) return <Empty title="No dataset has that in its name, note or tags" />;
  return (
    <Empty title="No dataset yet" code={FIRST}>
      A dataset is a named, versioned set of examples. Experiments run over datasets. Import a file,
      make one of recorded calls, or begin with one row:
    </Empty>
  );
}
