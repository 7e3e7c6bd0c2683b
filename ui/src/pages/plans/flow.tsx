/** One version of a plan: its inputs, its steps, its budget. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { duration, moment, money } from "@/kit/format";
import { useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Failure } from "@/parts/failure";
import { Json } from "@/parts/json";
import { Text } from "@/parts/text";
import type { Plan } from "./declared";

type Step = Schemas["Step"];

/** `plan` is the newest version, `at` the one that is shown: name or name@version. */
export function Flow(props: { plan: Plan; at: string; actions: ReactNode }) {
  const { name, version } = props.plan;
  const [, setShown] = useParam("plan");
  const versions = useAnswer(["plans", "versions", name, version], (signal) =>
    api.get("/api/v1/plans/{name}/versions", { path: { name }, signal }),
  );
  const all = versions.data?.data ?? [props.plan];
  const asked = Number(/@(\d+)$/.exec(props.at)?.[1] ?? version);
  const plan = all.find((one) => one.version === asked) ?? props.plan;
  return (
    <div className="plans-flow">
      <div className="row">
        <h2 className="cut grow">{visible(name)}</h2>
        <select
          className="input plans-version"
          aria-label="Version"
          value={plan.version}
          onChange={(event) => setShown(`${name}@${event.target.value}`)}
        >
          {all.map((one) => (
            <option key={one.version} value={one.version}>
              version {one.version}, {moment(one.created_ns)}
            </option>
          ))}
        </select>
        <Link className="button plain" href={`/plans?plan=${encodeURIComponent(name)}`}>
          Its runs
        </Link>
        {props.actions}
      </div>
      {versions.error && <Failure error={versions.error} />}
      {plan.description && <Text text={plan.description} />}
      <p className="soft">{bounds(plan)}</p>
      {(plan.inputs ?? []).length > 0 && (
        <section>
          <h3>Inputs</h3>
          <ul className="plans-inputs">
            {plan.inputs?.map((one) => (
              <li key={one.name}>
                <span className="mono">{visible(one.name)}</span>{" "}
                <span className="soft">
                  {one.type}
                  {one.required ? "" : `, ${visible(JSON.stringify(one.default))} unless given`}
                </span>{" "}
                {visible(one.description ?? "")}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>Steps</h3>
        {plan.steps.map((step, index) => (
          <Declared key={step.name} step={step} number={index + 1} />
        ))}
      </section>
      {plan.output && (
        <section>
          <h3>Output</h3>
          <Text text={plan.output} mono />
        </section>
      )}
    </div>
  );
}

function bounds(plan: Plan): string {
  const { calls, usd, minutes } = plan.budget ?? {};
  const parts = [
    calls != null ? `${calls} calls` : "",
    usd != null ? money(usd) : "",
    minutes != null ? duration(minutes * 60_000) : "",
  ].filter(Boolean);
  return parts.length ? `One run may use ${parts.join(", ")}.` : "A run has no budget of its own.";
}

function Declared({ step, number }: { step: Step; number: number }) {
  const marks = [
    step.when ? "when" : "",
    step.each ? "each" : "",
    (step.votes ?? 1) > 1 ? `${step.votes} votes` : "",
    step.output_schema ? "schema" : "",
  ].filter(Boolean);
  return (
    <details className="plans-step">
      <summary>
        <span className="soft">{number}</span> <b>{visible(step.name)}</b>{" "}
        {step.ask ? <>asks {visible(step.ask)}</> : <span className="soft">shapes values</span>}{" "}
        {marks.map((mark) => (
          <Badge key={mark}>{mark}</Badge>
        ))}
      </summary>
      <dl className="plans-facts">
        <Template name="when" text={step.when} />
        <Template name="each" text={step.each} />
        <Template name="message" text={step.message} />
        <Template name="after" text={step.after?.join(", ")} />
        <Template name="model" text={step.model} />
        <Value name="inputs" value={step.inputs} />
        <Value name="parameters" value={step.parameters} />
        <Value name="schema" value={step.output_schema} />
        <Template
          name="limits"
          text={`${step.retries} retries, ${duration((step.timeout_s ?? 600) * 1_000)}`}
        />
      </dl>
    </details>
  );
}

function Template({ name, text }: { name: string; text: string | null | undefined }) {
  if (!text) return null;
  return (
    <div>
      <dt className="soft">{name}</dt>
      <dd>
        <Text text={text} mono />
      </dd>
    </div>
  );
}

function Value({ name, value }: { name: string; value: object | null | undefined }) {
  if (!value || Object.keys(value).length === 0) return null;
  return (
    <div>
      <dt className="soft">{name}</dt>
      <dd>
        <Json value={value} open={2} />
      </dd>
    </div>
  );
}
