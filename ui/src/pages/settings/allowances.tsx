/** What projects, teams, users and keys may spend and ask. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useKeyNames } from "@/api/keys";
import { changed, useAnswer } from "@/api/query";
import { count, money, percent } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { done, failed } from "@/parts/messages";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { AllowanceForm } from "./allowance-form";
import { Section } from "./section";

export type Allowance = Schemas["AllowanceView"];

const FIRST = "trimtab allowances set team support --monthly-usd 100";

const limit = (value: number | null | undefined) => (value == null ? "–" : count(value));

const columns = (names: ReadonlyMap<string, string>): readonly Column<Allowance>[] => [
  { name: "Of a", width: "60px", cell: (row) => row.kind },
  {
    name: "Name",
    width: "minmax(92px, 1.4fr)",
    cell: (row) =>
      row.name === "*" ? "each without its own" : <Line text={calledOf(row, names)} />,
  },
  { name: "A day", width: "64px", number: true, cell: (row) => money(row.daily_usd) },
  { name: "A month", width: "60px", number: true, cell: (row) => money(row.monthly_usd) },
  {
    name: "Warns at",
    width: "62px",
    number: true,
    cell: (row) => (row.daily_usd || row.monthly_usd ? percent(row.soft ?? 0.8, 0) : "–"),
  },
  {
    name: "Calls a min",
    width: "70px",
    number: true,
    cell: (row) => limit(row.requests_per_minute),
  },
  {
    name: "Tokens a min",
    width: "80px",
    number: true,
    cell: (row) => limit(row.tokens_per_minute),
  },
  { name: "At once", width: "56px", number: true, cell: (row) => limit(row.concurrency) },
  { name: "Unpriced", width: "62px", cell: (row) => row.unpriced },
  {
    name: "Models",
    width: "minmax(76px, 1fr)",
    cell: (row) => (row.models ? <Line text={row.models.join(", ") || "none"} /> : "all"),
  },
  { name: "From", width: "52px", cell: (row) => <From source={row.source} /> },
];

/** A key by what it is called. */
export function calledOf(of: { kind: string; name: string }, names: ReadonlyMap<string, string>) {
  return (of.kind === "key" && names.get(of.name)) || of.name;
}

/** Where it can be changed: here, or in the file alone. */
export function From({ source }: { source: "api" | "file" }) {
  return source === "file" ? <Badge>file</Badge> : <Badge tone="accent">here</Badge>;
}

export default function Allowances() {
  const [open, setOpen] = useState<Allowance | "new" | null>(null);
  const found = useAnswer(["allowances"], (signal) => api.get("/api/v1/allowances", { signal }));
  const names = useKeyNames();
  useKeys([{ keys: "n", does: "set an allowance", run: () => setOpen("new") }]);
  return (
    <Section
      title="Allowances"
      actions={
        <Button onClick={() => setOpen("new")}>
          Set an allowance <kbd>n</kbd>
        </Button>
      }
    >
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      <div className="settings-bar">
        <span className="soft">
          A call must fit into the allowances of its key, user, team and project alike.
        </span>
      </div>
      <Table
        label="Allowances"
        columns={columns(names)}
        rows={found.data?.data ?? []}
        rowKey={(row) => `${row.kind} ${row.name}`}
        onOpen={setOpen}
        empty={
          found.isSuccess && (
            <Empty title="No allowance yet" code={FIRST}>
              Without one, nobody has a limit. An allowance bounds what a project, team, user or key
              may spend in a day and a month, and how much it may ask at a time.
            </Empty>
          )
        }
      />
      {open && (
        <AllowanceForm
          given={open === "new" ? null : open}
          names={names}
          onClose={() => setOpen(null)}
        />
      )}
    </Section>
  );
}

/** Take an allowance away, and offer it back. */
export async function removed(one: Allowance): Promise<void> {
  const { source: _, project: __, ...body } = one;
  try {
    await api.delete("/api/v1/allowances", { query: { kind: one.kind, name: one.name } });
    changed("allowances");
    done(`The ${one.kind} ${visible(one.name)} has no allowance of its own any more`, () => {
      api.put("/api/v1/allowances", { body }).then(() => changed("allowances"), failed);
    });
  } catch (error) {
    failed(error);
  }
}
