/** The labels of a prompt, and pointing them to another version. */
import { useState } from "react";
import { api } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Confirm, Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";
import { Sentence } from "./changes";
import type { Entry } from "./version";

interface Props {
  entry: Entry;
  version: number;
  onClose: () => void;
}

export function Pointing(props: Props) {
  const { entry, version, onClose } = props;
  const [moving, setMoving] = useState<string | null>(null);
  if (moving !== null) return <Move {...props} label={moving} />;
  const point = (label: string) => {
    if (label in entry.labels) setMoving(label);
    else void set(entry, label, version).then(onClose);
  };
  return (
    <Dialog title={`Labels of ${visible(entry.name).slice(0, 80)}`} onClose={onClose}>
      <Known entry={entry} version={version} onPoint={point} onClose={onClose} />
      <New entry={entry} version={version} onPoint={point} />
    </Dialog>
  );
}

function Known(props: Props & { onPoint: (label: string) => void }) {
  const { entry, version } = props;
  const labels = Object.entries(entry.labels);
  if (labels.length === 0) return <p className="soft">No label points to a version yet.</p>;
  return (
    <ul className="prompt-label-list">
      {labels.map(([label, at]) => (
        <li key={label} className="row">
          <span className="grow cut">
            <strong>{visible(label)}</strong> <span className="soft">points to version {at}</span>
          </span>
          {at !== version && (
            <Button onClick={() => props.onPoint(label)}>Point to version {version}</Button>
          )}
          <Button
            aria-label={`Take ${visible(label)} away`}
            onClick={() => void take(entry, label, at).then(props.onClose)}
          >
            Take away
          </Button>
        </li>
      ))}
    </ul>
  );
}

function New(props: { entry: Entry; version: number; onPoint: (label: string) => void }) {
  const [label, setLabel] = useState("");
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (label.trim()) props.onPoint(label.trim());
      }}
    >
      <div className="grow">
        <Field label="Another label" hint="A word, such as production.">
          <input
            className="input"
            value={label}
            onChange={(event) => setLabel(event.target.value)}
          />
        </Field>
      </div>
      <Button type="submit" disabled={label.trim() === ""}>
        Point to version {props.version}
      </Button>
    </form>
  );
}

/** Asks once: what is asked for by the label is another prompt from then on. */
function Move({ entry, version, label, onClose }: Props & { label: string }) {
  const from = entry.labels[label] as number;
  const [ref, against] = [`${entry.name}@${version}`, `${entry.name}@${from}`];
  const { data, error } = useAnswer(["prompts", "diff", ref, against], (signal) =>
    api.get("/api/v1/prompts/{ref}/diff", { path: { ref }, query: { against }, signal }),
  );
  return (
    <Confirm
      title={`Move ${visible(label)} to version ${version}`}
      does={`Move it from version ${from} to ${version}`}
      onYes={() => void set(entry, label, version, from)}
      onClose={onClose}
    >
      <p>
        Whatever asks for <span className="mono">{visible(`${entry.name}@${label}`)}</span> gets
        version {version} from now on, here at once.
      </p>
      <p className="soft">
        <Sentence text={error?.message ?? data?.says ?? ""} />
      </p>
    </Confirm>
  );
}

async function set(entry: Entry, label: string, version: number, from = 0): Promise<void> {
  try {
    await point(entry.name, label, version, from);
    done(`${label} points to version ${version}`, () => {
      const back = from ? point(entry.name, label, from, version) : away(entry.name, label);
      void back.then(
        () => done(from ? `${label} points to version ${from}` : `${label} is gone`),
        failed,
      );
    });
  } catch (error) {
    failed(error);
  }
}

async function take(entry: Entry, label: string, from: number): Promise<void> {
  try {
    await away(entry.name, label);
    done(`${label} points to no version`, () => {
      void point(entry.name, label, from, 0).then(
        () => done(`${label} points to version ${from}`),
        failed,
      );
    });
  } catch (error) {
    failed(error);
  }
}

async function point(name: string, label: string, version: number, over: number): Promise<void> {
  await api.put("/api/v1/prompts/{name}/labels/{label}", {
    path: { name, label },
    body: { version, over },
  });
  changed("prompts");
}

async function away(name: string, label: string): Promise<void> {
  await api.delete("/api/v1/prompts/{name}/labels/{label}", { path: { name, label } });
  changed("prompts");
}
