import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { ratio } from "@/kit/ratio";
import { patch } from "@/kit/state";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done } from "@/parts/messages";
import { splits } from "./list";

/** Puts each row into a split, as the next version. */
export function SplitUp(props: { dataset: Schemas["Dataset"]; onClose: () => void }) {
  const { dataset } = props;
  const [text, setText] = useState("train 80, test 20");
  const [seed, setSeed] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const shares = ratio(text);
  const make = async () => {
    if (!shares) return;
    try {
      const path = { ref: `${dataset.name}@${dataset.version}` };
      const body = { ratio: shares, seed };
      const made = await api.post("/api/v1/datasets/{ref}/split", { path, body });
      done(`${made.name}@${made.version} has the splits ${splits(made)}`);
      changed("datasets");
      patch({ version: "" });
      props.onClose();
    } catch (problem) {
      setError(problem as Error);
    }
  };
  return (
    <Dialog title="Put the rows into splits" onClose={props.onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <Field
          label="Splits and their shares"
          hint="Rows of one cluster go into one split, and stay in it when others are added."
          error={error?.message ?? (shares ? null : "Write names with shares: train 80, test 20")}
        >
          <input
            className="input"
            value={text}
            onChange={(event) => {
              setError(null);
              setText(event.target.value);
            }}
          />
        </Field>
        <Field label="Seed" hint="Another one draws other splits.">
          <input className="input" value={seed} onChange={(event) => setSeed(event.target.value)} />
        </Field>
        <div>
          <Button kind="main" type="submit" disabled={!shares}>
            Make the next version
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
