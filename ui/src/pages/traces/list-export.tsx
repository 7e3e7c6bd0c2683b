/** What a filter finds, as a file. */
import { useState } from "react";
import { target } from "@/api/client";
import { download } from "@/api/download";
import { useKeys } from "@/kit/keys";
import { Button } from "@/parts/button";
import { Field } from "@/parts/field";
import { Menu } from "@/parts/menu";
import { done, failed } from "@/parts/messages";

const FORMATS = { csv: "CSV", jsonl: "JSON lines", parquet: "Parquet" };
const WHAT = { traces: "Traces, a row each", spans: "Spans with what was said", scores: "Scores" };

export function Export(props: { filter: string; label: string; note: string }) {
  const [open, setOpen] = useState(false);
  const [what, setWhat] = useState("traces");
  const [format, setFormat] = useState("csv");
  const [busy, setBusy] = useState(false);
  useKeys([{ keys: "e", does: "export", run: () => setOpen(true) }]);
  const save = async () => {
    setBusy(true);
    try {
      const query = { what, format, filter: props.filter };
      await download(target("/api/v1/export", {}, query), `${what}.${format}`);
      done(`${what}.${format} is saved`);
      setOpen(false);
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  return (
    <Menu label={props.label} title="Export" open={open} onOpen={setOpen} right>
      <Field label="What" small>
        <select className="input" value={what} onChange={(event) => setWhat(event.target.value)}>
          {options(WHAT)}
        </select>
      </Field>
      <Field label="Format" small>
        <select
          className="input"
          value={format}
          onChange={(event) => setFormat(event.target.value)}
        >
          {options(FORMATS)}
        </select>
      </Field>
      <span className="soft">{props.note}</span>
      <Button kind="main" disabled={busy} onClick={() => void save()}>
        {busy ? "Saving …" : "Save the file"}
      </Button>
    </Menu>
  );
}

function options(names: Record<string, string>) {
  return Object.entries(names).map(([value, name]) => (
    <option key={value} value={value}>
      {name}
    </option>
  ));
}
