import { api } from "@/api/client";
import { changed } from "@/api/query";
import { visible } from "@/kit/visible";
import { Field } from "@/parts/field";
import { done } from "@/parts/messages";
import { EntryForm, useFields } from "./entry-form";
import { type Model, restore, withdraw } from "./models";

const written = (one: Model | null) => ({
  model: one?.model ?? "",
  suitable: one?.suitable ?? "",
  unsuitable: one?.unsuitable ?? "",
  expires: one?.expires ?? "",
});

export function ModelForm(props: {
  given: Model | null;
  /** Whether the catalogue is empty. */
  first: boolean;
  onClose: () => void;
}) {
  const { given } = props;
  const [fields, on] = useFields(given, () => written(given));
  const store = async () => {
    const body = { ...fields, model: fields.model.trim(), expires: fields.expires || null };
    const now = await api.put("/api/v1/approved-models", { body });
    changed("approved-models");
    const undo = () => (given ? restore(given) : void withdraw(now, () => restore(now)));
    done(`${visible(now.model)} is approved`, undo);
  };
  return (
    <EntryForm
      title={given ? visible(given.model) : "Approve a model"}
      given={given}
      does="Approve it"
      undoes="Withdraw it"
      onStore={store}
      onRemove={() => given && void withdraw(given, () => restore(given))}
      onClose={props.onClose}
    >
      {props.first && (
        <p>It is the first entry: from then on, calls to any other model are refused.</p>
      )}
      <Field label="Model" hint="A name, or a pattern such as openai/*">
        <input className="input" required {...on("model")} disabled={given !== null} />
      </Field>
      <Field label="Good for">
        <input className="input" {...on("suitable")} />
      </Field>
      <Field label="Not for">
        <input className="input" {...on("unsuitable")} />
      </Field>
      <Field label="Until the end of" hint="A day in UTC; empty is no end">
        <input className="input" type="date" {...on("expires")} />
      </Field>
    </EntryForm>
  );
}
