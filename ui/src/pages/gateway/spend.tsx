/** What projects, teams, users and keys spent, beside what they may. */
import { useMemo } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, money, percent } from "@/kit/format";
import { useStep } from "@/kit/state";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { Frame } from "@/parts/frame";
import { type Column, Table } from "@/parts/table";
import { Tabs } from "@/parts/tabs";
import { Line } from "@/parts/text";
import { GatewaySections } from "./sections";
import "./gateway.css";

const KINDS = ["all", "project", "team", "user", "key"] as const;
type Row = Schemas["SpendRow"] & { shown: string; limit_usd: string | null };

export default function Spend() {
  const [kind, setKind] = useStep("kind", "all");
  const [period, setPeriod] = useStep("period", new Date().toISOString().slice(0, 7));
  const isDay = period.length === 10;
  const spend = useAnswer(["spend", period], (signal) =>
    api.get("/api/v1/spend", { query: { period }, signal }),
  );
  const allowances = useAnswer(["allowances"], (signal) =>
    api.get("/api/v1/allowances", { signal }),
  );
  const keys = useAnswer(["keys"], (signal) => api.get("/api/v1/keys", { signal }));
  const rows = useMemo(
    () => rowsOf(spend.data?.data, allowances.data?.data, keys.data?.data, isDay),
    [spend.data, allowances.data, keys.data, isDay],
  );
  const shown = rows.filter((row) => kind === "all" || row.kind === kind);
  return (
    <Frame
      title="Spend"
      note="of recorded calls, in UTC"
      actions={<GatewaySections />}
      bar={
        <>
          <Tabs
            label="Whose"
            names={KINDS}
            now={KINDS.find((one) => one === kind) ?? "all"}
            onChange={setKind}
          />
          <span className="grow" />
          <Field label="Month" small>
            <input
              className="input"
              type="month"
              value={period.slice(0, 7)}
              onChange={(event) => event.target.value && setPeriod(event.target.value)}
            />
          </Field>
          <Field label="Or day" small>
            <input
              className="input"
              type="date"
              value={isDay ? period : ""}
              onChange={(event) => setPeriod(event.target.value || period.slice(0, 7))}
            />
          </Field>
        </>
      }
    >
      {spend.error && <Failure error={spend.error} again={() => void spend.refetch()} />}
      <Table
        label="Spend"
        columns={COLUMNS}
        rows={shown}
        rowKey={(row) => `${row.kind} ${row.name}`}
        empty={
          spend.isSuccess && (
            <Empty title="Nothing was spent" code="trimtab spend --kind team">
              No recorded call of this period counts for one of these.
            </Empty>
          )
        }
      />
    </Frame>
  );
}

/** Each with its limit: its own allowance, or else the one for each of its kind. */
function rowsOf(
  spent: readonly Schemas["SpendRow"][] = [],
  allowed: readonly Schemas["AllowanceView"][] = [],
  keys: readonly Schemas["KeyView"][] = [],
  isDay: boolean,
): Row[] {
  const names = new Map(keys.map((key) => [key.key_id, key.name]));
  return spent.map((row) => {
    const own = (name: string) => allowed.find((one) => one.kind === row.kind && one.name === name);
    const allowance = own(row.name) ?? own("*");
    const limit_usd = (isDay ? allowance?.daily_usd : allowance?.monthly_usd) ?? null;
    const shown = row.kind === "key" ? (names.get(row.name) ?? row.name) : row.name;
    return { ...row, shown, limit_usd };
  });
}

const COLUMNS: readonly Column<Row>[] = [
  { name: "Kind", width: "64px", cell: (row) => row.kind },
  { name: "Name", width: "minmax(120px, 2fr)", cell: (row) => <Line text={row.shown} /> },
  { name: "Calls", width: "72px", number: true, cell: (row) => count(row.requests) },
  { name: "Tokens in", width: "80px", number: true, cell: (row) => count(row.tokens_input) },
  { name: "Tokens out", width: "80px", number: true, cell: (row) => count(row.tokens_output) },
  { name: "Unpriced", width: "72px", number: true, cell: (row) => count(row.unpriced) },
  { name: "Spent", width: "80px", number: true, cell: (row) => money(row.cost_usd) },
  {
    name: "Limit",
    width: "80px",
    number: true,
    cell: (row) => (row.limit_usd === null ? "none" : money(row.limit_usd)),
  },
  { name: "Used", width: "64px", number: true, cell: (row) => used(row) },
];

function used(row: Row): string {
  const limit = Number(row.limit_usd);
  return row.limit_usd === null || limit === 0 ? "–" : percent(Number(row.cost_usd) / limit, 0);
}
