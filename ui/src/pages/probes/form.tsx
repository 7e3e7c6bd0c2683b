import { useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";
import { to } from "./list";
import "./probes.css";

type Probe = Schemas["Probe"];

/** Put a probe in place of the one of its name; its reference stays. */
export function store(probe: Omit<Probe, "project" | "reference">) {
  const { name, ask, dataset, parameters, every_s, repeats, alpha, enabled } = probe;
  return api.put("/api/v1/probes/{name}", {
    path: { name },
    body: { ask, dataset, parameters, every_s, repeats, alpha, enabled },
  });
}

function written(probe: Probe | null) {
  return {
    name: probe?.name ?? "",
    ask: probe?.ask ?? "",
    dataset: probe?.dataset ?? "",
    hours: String((probe?.every_s ?? 86_400) / 3_600),
    repeats: String(probe?.repeats ?? 3),
    alpha: String((probe?.alpha ?? 0.01) * 100),
    parameters: probe?.parameters ? JSON.stringify(probe.parameters) : "{}",
  };
}

function meant(fields: ReturnType<typeof written>, enabled: boolean) {
  return {
    name: fields.name.trim(),
    ask: fields.ask.trim(),
    dataset: fields.dataset.trim(),
    every_s: Number(fields.hours) * 3_600,
    repeats: Number(fields.repeats),
    alpha: Number(fields.alpha) / 100,
    parameters: JSON.parse(fields.parameters),
    enabled,
  };
}

export function ProbeForm({ given, onClose }: { given: Probe | null; onClose: () => void }) {
  const [, go] = useLocation();
  const [fields, setFields] = useState(() => written(given));
  const [error, setError] = useState<string | null>(null);
  const datasets = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  const on = (name: keyof typeof fields) => ({
    className: "input",
    value: fields[name],
    onChange: (event: React.ChangeEvent<HTMLInputElement>) =>
      setFields({ ...fields, [name]: event.target.value }),
  });
  const send = async () => {
    try {
      const made = await store(meant(fields, given?.enabled ?? true));
      changed("probes", "probe");
      const undo = given
        ? () => void store(given).then(() => changed("probes", "probe"), failed)
        : undefined;
      done(`The probe ${visible(made.name)} is stored`, undo);
      onClose();
      if (!given) go(to(made.name));
    } catch (problem) {
      const isJson = problem instanceof SyntaxError;
      setError(isJson ? "The parameters are not JSON." : (problem as Error).message);
    }
  };
  return (
    <Dialog title={given ? `Probe ${visible(given.name)}` : "New probe"} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div className="probes-fields">
          <Field label="Name">
            <input required disabled={given !== null} {...on("name")} />
          </Field>
          <Field label="Asks" hint="A model or a route">
            <input required {...on("ask")} placeholder="openai/gpt-4o-mini" />
          </Field>
          <Field label="Dataset of questions" hint="20 questions or more are a good number">
            <input required list="probes-datasets" {...on("dataset")} />
          </Field>
          <Field label="Looks every, in hours">
            <input required type="number" min={1 / 60} step="any" {...on("hours")} />
          </Field>
          <Field label="Repeats for a reference">
            <input required type="number" min={2} max={20} {...on("repeats")} />
          </Field>
          <Field label="Risk of a false alarm, in percent" hint="Over all looks together">
            <input required type="number" min={0.0001} max={99} step="any" {...on("alpha")} />
          </Field>
        </div>
        <Field label="Parameters, as JSON" hint="Over a temperature of 0 and a fixed seed">
          <input {...on("parameters")} className="input mono" spellCheck={false} />
        </Field>
        <datalist id="probes-datasets">
          {datasets.data?.data.map((one) => (
            <option key={one.name} value={one.name} />
          ))}
        </datalist>
        {error && (
          <p className="probes-wrong" role="alert">
            {visible(error)}
          </p>
        )}
        <div>
          <Button kind="main" type="submit">
            Store it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
