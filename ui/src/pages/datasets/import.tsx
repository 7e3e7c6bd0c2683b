/** A file of rows as the next version: what it would be taken for is seen before. */
import { useState } from "react";
import { useLocation } from "wouter";
import { ask, type Schemas, target } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";
import { to } from "./list";
import { Mapping } from "./mapping";
import { Preview } from "./preview";

type Seen = Schemas["FilePreview"];

const KINDS = ".csv,.tsv,.jsonl,.ndjson,.json,.parquet";

export function Import({ name: given, onClose }: { name?: string; onClose: () => void }) {
  const [, go] = useLocation();
  const [name, setName] = useState(given ?? "");
  const [file, setFile] = useState<File | null>(null);
  const [columns, setColumns] = useState<Record<string, string>>({});
  const [mixed, setMixed] = useState(false);
  const [delimiter, setDelimiter] = useState("");
  const [busy, setBusy] = useState(false);
  const query = {
    name: file?.name,
    columns: JSON.stringify(columns),
    mixed: mixed ? "true" : "",
    delimiter,
  };
  const ref = name.trim() || "new";
  const send = (path: string, signal?: AbortSignal) =>
    ask(target(path, { ref }, query), { method: "POST", body: file, signal: signal ?? null });
  const seen = useAnswer(
    ["file", file?.name, file?.size, file?.lastModified, query],
    async (signal) =>
      (await (await send("/api/v1/datasets/{ref}/file/preview", signal)).json()) as Seen,
    { on: file !== null },
  );
  const take = (next: File | undefined) => {
    if (!next) return;
    setFile(next);
    setColumns({});
    if (!name) setName(next.name.replace(/\.[^.]*$/, ""));
  };
  const store = async () => {
    setBusy(true);
    try {
      const reply = await send("/api/v1/datasets/{ref}/file");
      const made = (await reply.json()) as Schemas["Dataset"];
      done(`${visible(made.name)}@${made.version} has ${count(made.size)} rows`);
      changed("datasets");
      onClose();
      go(to(made.name));
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  const preview = file && !seen.error ? seen.data : undefined;
  const ready = preview && preview.problem === null;
  return (
    <Dialog
      title={given ? `Import into ${visible(given)}` : "Import a file"}
      onClose={onClose}
      wide
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void store();
        }}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          take(event.dataTransfer.files[0]);
        }}
      >
        <div className="datasets-source">
          <Field
            label="File"
            hint="CSV, TSV, JSON lines, JSON or Parquet. It can be dropped here too."
          >
            <input
              className="input"
              type="file"
              accept={KINDS}
              onChange={(event) => take(event.target.files?.[0])}
            />
          </Field>
          <Field
            label="Dataset"
            hint={given ? "The rows of the file become its next version." : "A name without /."}
          >
            <input
              className="input"
              required
              maxLength={200}
              pattern="[^\/]+"
              readOnly={given !== undefined}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </Field>
        </div>
        {file && seen.error && <Failure error={seen.error} again={() => void seen.refetch()} />}
        {preview && (
          <>
            <Mapping
              seen={preview}
              chosen={columns}
              onChange={setColumns}
              mixed={mixed}
              onMixed={setMixed}
              delimiter={/\.[ct]sv$/i.test(file?.name ?? "") ? delimiter : null}
              onDelimiter={setDelimiter}
            />
            <Preview seen={preview} />
          </>
        )}
        <div className="row">
          <Button kind="main" type="submit" disabled={busy || !ready || seen.isFetching}>
            {busy ? "Importing …" : `Import${ready ? ` ${count(preview.rows)} rows` : ""}`}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
