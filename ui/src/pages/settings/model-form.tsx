import { useState } from "react";
import { api } from "@/api/client";
import { changed } from "@/api/query";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done } from "@/parts/messages";
import { type Model, restore, withdraw } from "./models";

export function ModelForm(props: {
  given: Model | null;
  /** Whether the catalogue is empty. */
  first: boolean;
  onClose: () => void;
}) {
  const { given } = props;
  const [model, setModel] = useState(given?.model ?? "");
  const [suitable, setSuitable] = useState(given?.suitable ?? "");
  const [unsuitable, setUnsuitable] = useState(given?.unsuitable ?? "");
  const [expires, setExpires] = useState(given?.expires ?? "");
  const [error, setError] = useState<string | null>(null);
  const declared = given?.source === "file";
  const store = async () => {
    const body = { model: model.trim(), suitable, unsuitable, expires: expires || null };
    try {
      const now = await api.put("/api/v1/approved-models", { body });
      changed("approved-models");
      const undo = () => (given ? restore(given) : void withdraw(now, () => restore(now)));
      done(`${visible(now.model)} is approved`, undo);
      props.onClose();
    } catch (problem) {
      setError((problem as Error).message);
    }
  };
  return (
    <Dialog title={given ? visible(given.model) : "Approve a model"} onClose={props.onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void store();
        }}
      >
        {declared && <p>It stands in the configuration file, and is changed there.</p>}
        {props.first && (
          <p>It is the first entry: from then on, calls to any other model are refused.</p>
        )}
        <Field label="Model" hint="A name, or a pattern such as openai/*" error={error}>
          <input
            className="input"
            required
            disabled={given !== null}
            value={model}
            onChange={(event) => setModel(event.target.value)}
          />
        </Field>
        <Field label="Good for">
          <input
            className="input"
            disabled={declared}
            value={suitable}
            onChange={(event) => setSuitable(event.target.value)}
          />
        </Field>
        <Field label="Not for">
          <input
            className="input"
            disabled={declared}
            value={unsuitable}
            onChange={(event) => setUnsuitable(event.target.value)}
          />
        </Field>
        <Field label="Until the end of" hint="A day in UTC; empty is no end">
          <input
            className="input"
            type="date"
            disabled={declared}
            value={expires}
            onChange={(event) => setExpires(event.target.value)}
          />
        </Field>
        {!declared && (
          <div className="row">
            <Button kind="main" type="submit">
              Approve it
            </Button>
            {given && (
              <Button
                kind="danger"
                onClick={() => {
                  void withdraw(given, () => restore(given));
                  props.onClose();
                }}
              >
                Withdraw it
              </Button>
            )}
          </div>
        )}
      </form>
    </Dialog>
  );
}
