import { api } from "@/api/client";
import { changed } from "@/api/query";
import { visible } from "@/kit/visible";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";
import { type Allowance, calledOf, removed } from "./allowances";
import { EntryForm, useFields } from "./entry-form";

const KINDS = ["project", "team", "user", "key"] as const;

/** What the fields hold: text, as it is written. */
function written(one: Allowance | null) {
  const text = (value: unknown) => (value == null ? "" : String(value));
  return {
    kind: one?.kind ?? "team",
    name: one?.name ?? "",
    daily_usd: text(one?.daily_usd),
    monthly_usd: text(one?.monthly_usd),
    soft: text(Math.round(10_000 * (one?.soft ?? 0.8)) / 100),
    unpriced: one?.unpriced ?? "allow",
    requests_per_minute: text(one?.requests_per_minute),
    tokens_per_minute: text(one?.tokens_per_minute),
    concurrency: text(one?.concurrency),
    models: one?.models?.join(", ") ?? "",
  };
}

function meant(fields: ReturnType<typeof written>) {
  const number = (text: string) => (text ? Number(text) : null);
  const models = fields.models.split(",").map((one) => one.trim());
  return {
    ...fields,
    name: fields.name.trim(),
    daily_usd: fields.daily_usd || null,
    monthly_usd: fields.monthly_usd || null,
    soft: Number(fields.soft) / 100,
    requests_per_minute: number(fields.requests_per_minute),
    tokens_per_minute: number(fields.tokens_per_minute),
    concurrency: number(fields.concurrency),
    models: fields.models.trim() ? models.filter(Boolean) : null,
  };
}

export function AllowanceForm(props: {
  given: Allowance | null;
  names: ReadonlyMap<string, string>;
  onClose: () => void;
}) {
  const { given, names } = props;
  const [fields, on] = useFields(given, () => written(given));
  const store = async () => {
    const now = await api.put("/api/v1/allowances", { body: meant(fields) });
    changed("allowances");
    const undo = given
      ? () => api.put("/api/v1/allowances", { body: meant(written(given)) })
      : () => api.delete("/api/v1/allowances", { query: { kind: now.kind, name: now.name } });
    done(`The ${now.kind} ${visible(now.name)} has this allowance`, () => {
      undo().then(() => changed("allowances"), failed);
    });
  };
  const title = given
    ? `Allowance of the ${given.kind} ${visible(calledOf(given, names))}`
    : "Set an allowance";
  return (
    <EntryForm
      title={title}
      given={given}
      does="Set it"
      undoes="Remove it"
      onStore={store}
      onRemove={() => given && void removed(given)}
      onClose={props.onClose}
    >
      <div className="form-two">
        <Field label="Of a">
          <select className="input" {...on("kind")} disabled={given !== null}>
            {KINDS.map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        </Field>
        <Field
          label={fields.kind === "key" ? "Id of the key" : "Name"}
          hint={names.get(fields.name) ?? "* is each that has none of its own"}
        >
          <input
            className="input"
            list="settings-keys"
            required
            {...on("name")}
            disabled={given !== null}
          />
        </Field>
        <datalist id="settings-keys">
          {fields.kind === "key" &&
            [...names].map(([id, name]) => <option key={id} value={id} label={visible(name)} />)}
        </datalist>
        <Field label="US dollars a day">
          <Amount step="any" {...on("daily_usd")} />
        </Field>
        <Field label="US dollars a month">
          <Amount step="any" {...on("monthly_usd")} />
        </Field>
        <Field label="Warn at, in percent of it">
          <Amount min={1} max={100} {...on("soft")} />
        </Field>
        <Field label="Calls without a known price">
          <select className="input" {...on("unpriced")}>
            <option>allow</option>
            <option>deny</option>
          </select>
        </Field>
        <Field label="Calls a minute">
          <Amount min={1} {...on("requests_per_minute")} />
        </Field>
        <Field label="Tokens a minute">
          <Amount min={1} {...on("tokens_per_minute")} />
        </Field>
        <Field label="Calls at once">
          <Amount min={1} {...on("concurrency")} />
        </Field>
        <Field label="Models" hint="openai/*, support; empty is all">
          <input className="input" {...on("models")} />
        </Field>
      </div>
      <p className="soft">What is empty has no limit.</p>
    </EntryForm>
  );
}

function Amount(props: React.InputHTMLAttributes<HTMLInputElement>) {
  return <input className="input" type="number" min={0} {...props} />;
}
