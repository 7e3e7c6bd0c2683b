/** Models as the gateway has seen them: whether they are asked, how fast, how often they fail. */
import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { term, tracesOf } from "@/kit/filters";
import { count, duration, percent } from "@/kit/format";
import { roughly } from "@/kit/gateway";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { type Cell, Pane, Rows } from "@/parts/pane";
import { Errors } from "./errors";

type Target = Schemas["TargetState"];

export function AllTargets({ targets }: { targets: readonly Target[] }) {
  return (
    <Pane title="Models that were asked" note="averages of about half a minute">
      <div className="gateway-targets">
        <Rows
          label="Models that were asked"
          columns={COLUMNS}
          rows={targets}
          rowKey={(one) => one.target}
          empty="No model was asked since the server began."
        />
      </div>
      <Errors filter="" />
    </Pane>
  );
}

const COLUMNS: readonly Cell<Target>[] = [
  {
    name: "Model",
    cell: (one) => (
      <Link href={tracesOf(term("model", one.target.slice(one.target.indexOf("/") + 1)))}>
        <bdi className="gateway-model" title={visible(one.target)}>
          {visible(one.target)}
        </bdi>
      </Link>
    ),
  },
  { name: "State", width: "136px", cell: (one) => <Breaker {...one} /> },
  {
    name: "First byte",
    width: "68px",
    number: true,
    cell: (one) => duration(one.first_byte_s === null ? null : one.first_byte_s * 1_000),
  },
  { name: "Errors", width: "64px", number: true, cell: (one) => percent(one.error_rate) },
  { name: "In flight", width: "60px", number: true, cell: (one) => count(one.in_flight) },
  { name: "Calls", width: "52px", number: true, cell: (one) => count(one.calls) },
  {
    name: "Failed",
    width: "52px",
    number: true,
    cell: (one) => <span className={one.failed ? "bad" : ""}>{count(one.failed)}</span>,
  },
];

/** Whether a model is asked now, and if not, when it will be again. */
export function Breaker(props: { breaker: string; ready_in_s: number; refused?: string | null }) {
  if (props.refused)
    return (
      <Badge tone="error">
        <span title={visible(props.refused)}>✕ refused</span>
      </Badge>
    );
  const wait = props.ready_in_s > 0 ? roughly(props.ready_in_s * 1_000) : null;
  if (props.breaker === "open") return <Badge tone="error">✕ down{wait && `, ${wait}`}</Badge>;
  if (props.breaker === "half_open") return <Badge tone="warn">! trying again</Badge>;
  if (wait) return <Badge tone="warn">! rests {wait}</Badge>;
  return <Badge tone="ok">✓ healthy</Badge>;
}
