/** Which rules hold where, and in which mode. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { digits } from "@/kit/format";
import { useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { type Cell, Facts, Pane, Rows } from "@/parts/pane";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { ModeChoice } from "./mode";
import { called, Mode } from "./said";
import { GuardSections } from "./sections";
import "./guards.css";

type Policy = Schemas["PolicyView"];
type Rule = Schemas["GuardRule"];

const ORIGINS = { preset: "Trimtab", file: "the file", api: "the API" };

export default function Policies() {
  const [chosen, choose] = useParam("policy", "default");
  const { data, error, isSuccess, refetch } = useAnswer(["guards", "policies"], (signal) =>
    api.get("/api/v1/guards/policies", { signal }),
  );
  const policies = data?.data ?? [];
  const policy = policies.find((one) => one.name === chosen) ?? policies[0];
  const list = (
    <Table
      label="Policies"
      columns={COLUMNS}
      rows={policies}
      rowKey={(one) => one.name}
      current={policy?.name}
      onOpen={(one) => choose(one.name)}
      tone={(one) => (one === policy ? "new" : undefined)}
      empty={isSuccess && <Empty title="No policy" code="trimtab guard policies" />}
    />
  );
  return (
    <Frame title="Guard policies" actions={<GuardSections />}>
      {error && <Failure error={error} again={() => void refetch()} />}
      <Split
        name="policies"
        label="Width of the list of policies"
        share={38}
        left={list}
        right={policy ? <PolicyPane key={policy.name} policy={policy} /> : null}
      />
    </Frame>
  );
}

const COLUMNS: readonly Column<Policy>[] = [
  { name: "Policy", width: "minmax(104px, 1.5fr)", cell: (one) => <Line text={one.name} /> },
  { name: "Mode", width: "72px", cell: (one) => <Mode mode={one.in_mode} /> },
  { name: "Rules", width: "44px", number: true, cell: (one) => one.in_force.length },
  { name: "From", width: "64px", cell: (one) => ORIGINS[one.source] },
  {
    name: "Routes",
    width: "minmax(64px, 1fr)",
    cell: (one) => <Line text={one.routes.join(", ")} />,
  },
];

/** Why its mode is not set here; null where it is. */
function held(policy: Policy): string | null {
  if (policy.source === "file") return "It stands in the configuration file, which has its mode.";
  if (policy.source === "preset" && policy.name !== "default")
    return "It comes with Trimtab and keeps its mode: set that of default, or of a policy that extends it.";
  return null;
}

function PolicyPane({ policy }: { policy: Policy }) {
  const why = held(policy);
  return (
    <Pane title={visible(policy.name)} note={visible(policy.note)}>
      {why ? (
        <p className="soft">
          Mode {policy.in_mode}. {why}
        </p>
      ) : (
        <ModeChoice policy={policy} />
      )}
      <Facts
        facts={[
          ["Extends", policy.extends && visible(policy.extends)],
          ["Version", <code key="version">{policy.version}</code>],
          ["Revision", policy.revision],
          ["Routes", visible(policy.routes.join(", ")) || "none names it"],
          ["Hides in records", hidden(policy.hides)],
        ]}
      />
      <Rows
        label={`Rules of ${policy.name}`}
        columns={RULES}
        rows={policy.in_force}
        rowKey={called}
        empty="It has no rule."
      />
    </Pane>
  );
}

function hidden(hides: Policy["hides"]): string {
  const found = [
    hides.secrets === "redact" && "secrets",
    hides.pii === "redact" && "personal data",
  ];
  return found.filter(Boolean).join(", ") || "nothing";
}

const RULES: readonly Cell<Rule>[] = [
  { name: "Rule", width: "26%", cell: (one) => <Line text={called(one)} /> },
  { name: "Asks", width: "18%", cell: (one) => <Line text={one.signal ?? one.scorer} /> },
  { name: "On", width: "24%", cell: (one) => <Line text={one.on.join(", ")} /> },
  { name: "Action", width: "80px", cell: (one) => one.action },
  { name: "Mode", width: "76px", cell: (one) => one.mode && <Mode mode={one.mode} /> },
  {
    name: "Fires from",
    width: "72px",
    number: true,
    cell: (one) => (one.threshold === null ? "default" : digits(one.threshold)),
  },
];
