/** What can be done with the traces that are chosen. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { term } from "@/kit/filters";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { IntoDataset } from "@/parts/into-dataset";
import { done, failed } from "@/parts/messages";
import { Export } from "./list-export";

export function Chosen(props: {
  ids: readonly string[];
  loaded: number;
  onAll: () => void;
  onNone: () => void;
}) {
  const { ids } = props;
  const [adding, setAdding] = useState(false);
  const [erasing, setErasing] = useState<Schemas["ErasureReport"] | null>(null);
  const some = ids.length === 1 ? "1 trace" : `${count(ids.length)} traces`;
  const ask = () => {
    const body = { trace_ids: [...ids], dry_run: true };
    api.post("/api/v1/erase", { body }).then(setErasing, failed);
  };
  useKeys([
    { keys: "d", does: "add the chosen traces to a dataset", run: () => setAdding(true) },
    { keys: "Delete", does: "erase the chosen traces", run: ask },
    { keys: "Escape", does: "choose nothing", run: props.onNone },
  ]);
  const erase = async () => {
    try {
      const report = await api.post("/api/v1/erase", { body: { trace_ids: [...ids] } });
      done(`${count(report.traces)} traces with ${count(report.spans)} spans are erased`);
      props.onNone();
      changed("traces", "facets", "metrics", "sessions", "users");
    } catch (error) {
      failed(error);
    }
  };
  return (
    <div className="traces-chosen" role="region" aria-label="Chosen traces">
      <strong>{some} chosen</strong>
      <Button onClick={() => setAdding(true)}>
        Add to dataset <kbd>d</kbd>
      </Button>
      <Export
        filter={term("trace_id", ...ids)}
        label="Export chosen"
        note={`The ${some} that ${ids.length === 1 ? "is" : "are"} chosen.`}
      />
      <Button kind="danger" onClick={ask}>
        Erase <kbd>Del</kbd>
      </Button>
      <span className="grow" />
      {ids.length < props.loaded && (
        <Button kind="quiet" onClick={props.onAll}>
          Choose all {count(props.loaded)} that are loaded
        </Button>
      )}
      <Button kind="quiet" onClick={props.onNone}>
        Choose none <kbd>Esc</kbd>
      </Button>
      {adding && (
        <IntoDataset
          title="Add to a dataset"
          filter={term("trace_id", ...ids)}
          chosen={ids.length}
          onMade={props.onNone}
          onClose={() => setAdding(false)}
        />
      )}
      {erasing && (
        <Confirm
          title={`Erase ${some}?`}
          does={`Erase ${some}`}
          onYes={() => void erase()}
          onClose={() => setErasing(null)}
        >
          {count(erasing.spans)} spans go for good, with what was said in them and their scores.
          Rows of datasets that were made of them stay.
        </Confirm>
      )}
    </div>
  );
}
