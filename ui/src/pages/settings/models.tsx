/** The catalogue of models that this project may use. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { useKeys } from "@/kit/keys";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { done, failed } from "@/parts/messages";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { From } from "./allowances";
import { ModelForm } from "./model-form";
import { Section } from "./section";

export type Model = Schemas["ApprovedModelView"];

const FIRST = `trimtab models approve 'openai/*' --suitable "drafts and summaries"`;

const COLUMNS: readonly Column<Model>[] = [
  { name: "Model", width: "minmax(140px, 1fr)", cell: (row) => <Line text={row.model} /> },
  { name: "Good for", width: "minmax(120px, 1.4fr)", cell: (row) => <Line text={row.suitable} /> },
  { name: "Not for", width: "minmax(120px, 1.4fr)", cell: (row) => <Line text={row.unsuitable} /> },
  { name: "Until", width: "96px", cell: (row) => <Until day={row.expires ?? null} /> },
  {
    name: "Approved by",
    width: "minmax(80px, 0.6fr)",
    cell: (row) => <Line text={row.approved_by} />,
  },
  {
    name: "When",
    width: "56px",
    cell: (row) => (row.approved_ns ? <When ns={row.approved_ns} /> : "–"),
  },
  { name: "From", width: "52px", cell: (row) => <From source={row.source} /> },
];

function Until({ day }: { day: string | null }) {
  if (!day) return <span className="soft">no end</span>;
  const isOver = day < new Date().toISOString().slice(0, 10);
  return isOver ? <span className="status error">✕ {day}</span> : day;
}

export default function Models() {
  const [open, setOpen] = useState<Model | "new" | null>(null);
  const found = useAnswer(["approved-models"], (signal) =>
    api.get("/api/v1/approved-models", { signal }),
  );
  useKeys([{ keys: "n", does: "approve a model", run: () => setOpen("new") }]);
  const rows = found.data?.data ?? [];
  return (
    <Section
      title="Approved models"
      actions={
        <Button onClick={() => setOpen("new")}>
          Approve a model <kbd>n</kbd>
        </Button>
      }
    >
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      <div className="settings-bar">
        <span className="soft">
          {rows.length > 0
            ? "Calls to a model that no entry means are refused."
            : found.isSuccess && "While there is no entry, every model may be used."}
        </span>
      </div>
      <Table
        label="Approved models"
        columns={COLUMNS}
        rows={rows}
        rowKey={(row) => row.model}
        onOpen={setOpen}
        empty={
          found.isSuccess && (
            <Empty title="No model is approved by name" code={FIRST}>
              From the first entry on, only models of the catalogue may be used in this project.
            </Empty>
          )
        }
      />
      {open && (
        <ModelForm
          given={open === "new" ? null : open}
          first={rows.length === 0}
          onClose={() => setOpen(null)}
        />
      )}
    </Section>
  );
}

/** An approval as it was. */
export function restore({ model, suitable, unsuitable, expires }: Model): void {
  const body = { model, suitable, unsuitable, expires };
  api.put("/api/v1/approved-models", { body }).then(() => changed("approved-models"), failed);
}

/** Withdraw an approval, and offer it back. */
export async function withdraw(one: Pick<Model, "model">, undo: () => void): Promise<void> {
  try {
    await api.delete("/api/v1/approved-models", { query: { model: one.model } });
    changed("approved-models");
    done(`${visible(one.model)} is not approved any more`, undo);
  } catch (error) {
    failed(error);
  }
}
