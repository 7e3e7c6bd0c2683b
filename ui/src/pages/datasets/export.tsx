import { useState } from "react";
import { type Schemas, target } from "@/api/client";
import { download } from "@/api/download";
import { useKeys } from "@/kit/keys";
import { Button } from "@/parts/button";
import { Menu } from "@/parts/menu";
import { done, failed } from "@/parts/messages";

const FORMATS = { jsonl: "JSON lines", csv: "CSV", parquet: "Parquet" };

/** The rows of a version as a file. */
export function Export({ dataset }: { dataset: Schemas["Dataset"] }) {
  const [open, setOpen] = useState(false);
  useKeys([{ keys: "e", does: "export the rows", run: () => setOpen(true) }]);
  const save = async (format: string) => {
    const ref = `${dataset.name}@${dataset.version}`;
    const name = `${ref.replace(/[^\w.@-]/g, "_")}.${format}`;
    setOpen(false);
    try {
      await download(target("/api/v1/datasets/{ref}/export", { ref }, { format }), name);
      done(`${name} is saved`);
    } catch (error) {
      failed(error);
    }
  };
  return (
    <Menu
      label={
        <>
          Export <kbd>e</kbd>
        </>
      }
      title="Export"
      open={open}
      onOpen={setOpen}
      right
    >
      {Object.entries(FORMATS).map(([format, name]) => (
        <Button key={format} kind="quiet" onClick={() => void save(format)}>
          {name}
        </Button>
      ))}
    </Menu>
  );
}
