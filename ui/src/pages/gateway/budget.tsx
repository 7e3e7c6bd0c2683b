/** What a key may still spend: its own limits and those it shares, as they hold at this moment. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, money } from "@/kit/format";
import { roughly } from "@/kit/gateway";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Failure } from "@/parts/failure";
import { type Cell, Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { EVERY_MS } from "./sections";

type Node = Schemas["NodeBudget"];

function useBudget(ref: string, every?: number) {
  return useAnswer(
    ["keys", "budget", ref],
    (signal) => api.get("/api/v1/keys/{ref}/budget", { path: { ref }, signal }),
    every ? { every } : {},
  );
}

/** The budget that binds first, in a cell. */
export function Left({ of }: { of: Schemas["KeyView"] }) {
  const { data } = useBudget(of.key_id);
  if (!data) return null;
  if (data.spent) return <Badge tone="error">✕ spent</Badge>;
  if (!data.binding) return <span className="soft">no budget</span>;
  const { kind, remaining_usd, period } = data.binding;
  return (
    <span title={`of the ${kind} ${visible(data.binding.name)}, ${period}`}>
      {money(remaining_usd)} <span className="soft">{kind}</span>
    </span>
  );
}

export function Budget({ of }: { of: string }) {
  const { data, error, refetch } = useBudget(of, EVERY_MS);
  if (error) return <Failure error={error} again={() => void refetch()} />;
  if (!data) return null;
  const budgets = data.nodes.flatMap((node) => [
    { node, period: node.day, name: "day" },
    { node, period: node.month, name: "month" },
  ]);
  const limits = data.nodes.flatMap((node) => node.live.map((limit) => ({ node, limit })));
  const { binding } = data;
  return (
    <>
      <h3>What is left</h3>
      <p>
        {binding
          ? `${money(binding.remaining_usd)} until a request is refused, by the budget of the ${binding.kind} ${visible(named(binding, data.name))}.`
          : "No budget binds this key. What it spends is counted all the same."}
      </p>
      <Rows
        label="Budgets"
        rows={budgets}
        rowKey={({ node, name }) => `${node.kind} ${name}`}
        empty=""
        columns={BUDGETS}
      />
      <h3>Limits now</h3>
      <Rows
        label="Limits now"
        rows={limits.filter(({ limit }) => !limit.limit.endsWith("_usd"))}
        rowKey={({ node, limit }) => `${node.kind} ${limit.limit}`}
        empty="Nothing limits how fast it asks."
        columns={LIMITS}
      />
    </>
  );
}

const named = (one: { kind: string; name: string }, key: string) =>
  one.kind === "key" ? key : one.name;

type One = { node: Node; period: Schemas["Period"]; name: string };

const BUDGETS: readonly Cell<One>[] = [
  {
    name: "Of the",
    width: "34%",
    cell: ({ node, name }) => (
      <Line text={`${node.kind}${node.kind === "key" ? "" : ` ${node.name}`}, ${name}`} />
    ),
  },
  { name: "Calls", width: "56px", number: true, cell: ({ period }) => count(period.used.requests) },
  {
    name: "Spent",
    width: "64px",
    number: true,
    cell: ({ period }) => money(period.used.cost_usd),
  },
  {
    name: "Limit",
    width: "64px",
    number: true,
    cell: ({ period }) => (period.limit_usd === null ? "none" : money(period.limit_usd)),
  },
  { name: "Used", cell: ({ period }) => <Meter period={period} /> },
  {
    name: "Begins anew",
    width: "84px",
    number: true,
    cell: ({ period }) => `in ${roughly(period.resets_ns / 1e6 - Date.now())}`,
  },
];

const WORDS = { ok: "", soft: "nearly spent", spent: "spent" };

function Meter({ period }: { period: Schemas["Period"] }) {
  if (period.limit_usd === null) return <span className="soft">–</span>;
  const limit = Number(period.limit_usd);
  const share = limit > 0 ? Math.min(1, Number(period.used.cost_usd) / limit) : 1;
  const said = `${Math.round(100 * share)} %`;
  return (
    <span title={`${said} ${WORDS[period.status]}`}>
      <span className="unseen">{said} </span>
      <span className={`gateway-meter ${period.status}`} aria-hidden="true">
        <i style={{ width: said.replace(" ", "") }} />
      </span>
      {WORDS[period.status] && <span className="unseen">{WORDS[period.status]}</span>}
    </span>
  );
}

const LIMITS: readonly Cell<{ node: Node; limit: Schemas["LiveLimit"] }>[] = [
  { name: "Of the", width: "34%", cell: ({ node }) => `${node.kind}` },
  { name: "Limit", cell: ({ limit }) => limit.limit.replaceAll("_", " ") },
  { name: "In use", width: "64px", number: true, cell: ({ limit }) => count(Number(limit.used)) },
  { name: "Of", width: "64px", number: true, cell: ({ limit }) => count(Number(limit.capacity)) },
  { name: "Left", width: "64px", number: true, cell: ({ limit }) => count(Number(limit.left)) },
];
