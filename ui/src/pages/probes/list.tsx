import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, duration, percent } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Spark } from "@/parts/interval";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { Finding } from "./finding";
import { ProbeForm } from "./form";

type Probe = Schemas["Probe"];
type Row = Probe & { looks: Schemas["ProbeLook"][] };

const SHOWN = 30;

const FIRST = `for n in 1 2 3; do echo "{\\"input\\": \\"Question number $n?\\"}"; done > pinned.jsonl
trimtab datasets import pinned pinned.jsonl
trimtab probes put nightly --ask trimtab/extract --dataset pinned --every 24h
trimtab probes run nightly`;

const COLUMNS: readonly Column<Row>[] = [
  {
    name: "Probe",
    width: "minmax(120px, 1fr)",
    cell: (row) => <Line text={row.name} />,
  },
  { name: "Asks", width: "minmax(120px, 1fr)", cell: (row) => <Line text={row.ask} /> },
  { name: "Questions", width: "minmax(100px, 0.8fr)", cell: (row) => <Line text={row.dataset} /> },
  {
    name: "Every",
    width: "72px",
    cell: (row) => (row.enabled === false ? "when told" : duration((row.every_s ?? 0) * 1_000)),
  },
  { name: "Last look", width: "110px", cell: (row) => <Finding status={row.looks[0]?.status} /> },
  {
    name: "When",
    width: "52px",
    cell: (row) => (row.looks[0] ? <When ns={row.looks[0].time_ns} /> : "–"),
  },
  {
    name: "Alike",
    width: "60px",
    number: true,
    cell: (row) => percent(row.looks[0]?.likeness),
  },
  { name: "Looks alike, oldest first", width: "160px", cell: (row) => <Trend looks={row.looks} /> },
];

export function to(name: string): string {
  return `/probes/${encodeURIComponent(name)}`;
}

/** The likeness of its looks; from 0 to 1, so that a small change looks small. */
function Trend({ looks }: { looks: Row["looks"] }) {
  const values = looks.flatMap((one) => one.likeness ?? []).reverse();
  if (values.length < 2) return <span className="soft">too few</span>;
  return <Spark values={[...values]} label={`${count(values.length)} looks`} />;
}

async function listed(signal: AbortSignal): Promise<Row[]> {
  const { data } = await api.get("/api/v1/probes", { signal });
  const looks = data.map(({ name }) =>
    api.get("/api/v1/probes/{name}/looks", { path: { name }, query: { limit: SHOWN }, signal }),
  );
  const found = await Promise.all(looks);
  return data.map((probe, index) => ({ ...probe, looks: found[index]?.data ?? [] }));
}

export default function Probes() {
  const [making, setMaking] = useState(false);
  const found = useAnswer(["probes"], listed, { every: 30_000 });
  useKeys([{ keys: "n", does: "make a probe", run: () => setMaking(true) }]);
  return (
    <Frame
      title="Probes"
      note="Questions asked again and again, to notice that a model changed"
      actions={
        <Button onClick={() => setMaking(true)}>
          New probe <kbd>n</kbd>
        </Button>
      }
    >
      {found.error ? (
        <Failure error={found.error} again={() => void found.refetch()} />
      ) : (
        <Table
          label="Probes"
          columns={COLUMNS}
          rows={found.data ?? []}
          rowKey={(row) => row.name}
          href={(row) => to(row.name)}
          tone={(row) => (row.looks[0]?.status === "drifted" ? "error" : undefined)}
          empty={
            found.isSuccess && (
              <Empty title="No probe yet" code={FIRST}>
                Providers change what is behind a name. A probe asks a model the same questions
                again and again, and says when the answers are no longer those of the same model.
              </Empty>
            )
          }
        />
      )}
      {making && <ProbeForm given={null} onClose={() => setMaking(false)} />}
    </Frame>
  );
}
