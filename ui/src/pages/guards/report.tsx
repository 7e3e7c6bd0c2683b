/** What each rule did, and what it would have done if it were enforced. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, percent } from "@/kit/format";
import { client } from "@/kit/snippets";
import { spoken } from "@/parts/begin";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { type Figure, Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { Table } from "@/parts/table";
import { RULES } from "./rules";
import { GuardSections, Since, useSince } from "./sections";
import "./guards.css";

type Rule = Schemas["RuleReport"];

export default function Report() {
  const [since, setSince] = useSince();
  const { data, error, isSuccess, refetch } = useAnswer(["guards", "report", since], (signal) =>
    api.get("/api/v1/guards/report", { query: { since }, signal }),
  );
  const reviews = useAnswer(["guards", "reviews", "pending", since], (signal) =>
    api.get("/api/v1/guards/reviews", { query: { since, limit: 1_000 }, signal }),
  );
  const rules = data?.rules ?? [];
  return (
    <Frame
      title="Guards"
      actions={
        <>
          <GuardSections />
          <Since value={since} onChange={setSince} />
        </>
      }
    >
      {error && <Failure error={error} again={() => void refetch()} />}
      {rules.length > 0 && (
        <Figures
          label="Verdicts of the period"
          figures={summed(rules, reviews.data?.data.length, since)}
        />
      )}
      <Table
        label="Rules"
        columns={RULES}
        rows={rules}
        rowKey={(one) => `${one.rule} ${one.stage}`}
        href={(one) => `/guards/events?${new URLSearchParams({ rule: one.rule, since })}`}
        tone={(one) => (one.errors + one.timeouts > 0 ? "error" : undefined)}
        empty={isSuccess && <None />}
      />
    </Frame>
  );
}

function summed(rules: readonly Rule[], waiting: number | undefined, since: string): Figure[] {
  const sum = (of: (rule: Rule) => number) => rules.reduce((all, rule) => all + of(rule), 0);
  const checked = sum((one) => one.checked);
  const fired = checked - sum((one) => one.passed);
  const failures = sum((one) => one.errors + one.timeouts);
  const events = `/guards/events?since=${since}`;
  return [
    { name: "Checks", value: count(checked), note: `${count(sum((one) => one.skipped))} skipped` },
    {
      name: "Fired",
      value: count(fired),
      note: checked ? percent(fired / checked) : undefined,
      href: events,
    },
    { name: "Blocked", value: count(sum((one) => one.did.block ?? 0)), href: events },
    {
      name: "Would have blocked",
      value: count(sum((one) => one.would.block ?? 0)),
      note: "rules in shadow or flag",
      href: events,
    },
    {
      name: "Changed",
      value: count(sum((one) => (one.did.redact ?? 0) + (one.did.tokenise ?? 0))),
      note: "redacted or tokenised",
      href: events,
    },
    {
      name: "Failed",
      value: count(failures),
      note: "errors and timeouts",
      tone: failures ? "error" : undefined,
    },
    { name: "Wait for review", value: count(waiting), href: `/guards/reviews?since=${since}` },
  ];
}

function None() {
  return (
    <Empty title="No call was guarded in this period" code={client(spoken())} label="In Python">
      Every call through the gateway is looked at, in shadow: nothing is changed, and what would
      have been done is counted here.
    </Empty>
  );
}
