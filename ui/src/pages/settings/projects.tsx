/** The projects there are, and the way into each. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { Badge } from "@/parts/badge";
import { Failure } from "@/parts/failure";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { Section } from "./section";

type Project = Schemas["ProjectView"];

const HOUR_NS = 3.6e12;

const COLUMNS: readonly Column<Project>[] = [
  { name: "Project", width: "minmax(140px, 320px)", cell: (row) => <Line text={row.name} /> },
  {
    name: "Which is open",
    bare: true,
    width: "minmax(64px, 1fr)",
    cell: (row) => row.open && <Badge tone="accent">open</Badge>,
  },
  { name: "Calls", width: "72px", number: true, cell: (row) => count(row.calls) },
  { name: "Spans", width: "72px", number: true, cell: (row) => count(row.spans) },
  { name: "Keys", width: "56px", number: true, cell: (row) => count(row.keys) },
  { name: "Last active", width: "84px", cell: (row) => <Last hour_ns={row.last_hour_ns} /> },
];

/** It is known to the hour. */
function Last({ hour_ns }: { hour_ns: number | null }) {
  if (hour_ns === null) return <span className="soft">never</span>;
  if (Date.now() * 1e6 - hour_ns < HOUR_NS) return "this hour";
  return <When ns={hour_ns} />;
}

export default function Projects() {
  const found = useAnswer(["projects"], (signal) => api.get("/api/v1/projects", { signal }));
  const rows = found.data?.data ?? [];
  const isUnknown = found.isSuccess && !rows.some((row) => row.open);
  return (
    <Section title="Projects">
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      <div className="settings-bar">
        <span className="soft">
          Calls and spans are those of live traffic.
          {isUnknown && " Nothing is recorded in the project that is open."}
        </span>
      </div>
      <Table
        label="Projects"
        columns={COLUMNS}
        rows={rows}
        rowKey={(row) => row.name}
        href={(row) => `/overview?project=${encodeURIComponent(row.name)}`}
      />
    </Section>
  );
}
