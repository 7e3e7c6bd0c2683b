/** The inputs of a run, by the types that the plan declares. */
import { useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import type { Plan } from "./declared";

type Variable = Schemas["Variable"];

/** Text stays text; everything else is JSON. What is empty is not sent. */
function meant(variables: readonly Variable[], written: Readonly<Record<string, string>>) {
  const given = variables.flatMap((one): [string, unknown][] => {
    const text = written[one.name] ?? "";
    if (text === "" && !(one.required && one.type === "string")) return [];
    return [[one.name, one.type === "string" ? text : JSON.parse(text)]];
  });
  return Object.fromEntries(given) as Record<string, never>;
}

export function Start({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const [, go] = useLocation();
  const [written, setWritten] = useState<Record<string, string>>({});
  const [error, setError] = useState<string | null>(null);
  const inputs = plan.inputs ?? [];
  const start = async () => {
    try {
      const run = await api.post("/api/v1/plans/{ref}/runs", {
        path: { ref: plan.name },
        body: { inputs: meant(inputs, written) },
      });
      changed("plan-runs");
      go(`/plans/${run.plan_run_id}`);
    } catch (problem) {
      const isJson = problem instanceof SyntaxError;
      setError(isJson ? "One of the values is not JSON." : (problem as Error).message);
    }
  };
  return (
    <Dialog title={`Run ${visible(plan.name)}@${plan.version}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        {inputs.length === 0 && <p>It needs no inputs.</p>}
        {inputs.map((one) => (
          <Field key={one.name} label={one.name} hint={hint(one)}>
            <textarea
              className="input"
              rows={one.type === "string" ? 3 : 1}
              required={one.required ?? true}
              value={written[one.name] ?? ""}
              onChange={(event) => setWritten({ ...written, [one.name]: event.target.value })}
              onKeyDown={(event) => {
                if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
                  event.currentTarget.form?.requestSubmit();
              }}
            />
          </Field>
        ))}
        {error && (
          <p className="plans-wrong" role="alert">
            {visible(error)}
          </p>
        )}
        <div className="row">
          <Button kind="main" type="submit">
            Run it
          </Button>
          <span className="soft">It asks models, and may cost money.</span>
        </div>
      </form>
    </Dialog>
  );
}

function hint(one: Variable): string {
  const type = one.type === "string" ? "Text" : `JSON: ${one.type}`;
  const rest = one.required ? "" : `; ${visible(JSON.stringify(one.default))} unless given`;
  return [`${type}${rest}`, visible(one.description ?? "")].filter(Boolean).join(". ");
}
