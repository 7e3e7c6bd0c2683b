/** The columns of a report on rules. */
import type { Schemas } from "@/api/client";
import { count, duration, percent } from "@/kit/format";
import { wilson } from "@/kit/rate";
import { Interval } from "@/parts/interval";
import type { Column } from "@/parts/table";
import { Line } from "@/parts/text";
import { counted, Mode } from "./said";

type Rule = Schemas["RuleReport"];

export const RULES: readonly Column<Rule>[] = [
  { name: "Rule", width: "minmax(96px, 1.5fr)", cell: (one) => <Line text={one.rule} /> },
  { name: "Side", width: "52px", cell: (one) => one.stage ?? "–" },
  {
    name: "Mode",
    width: "72px",
    cell: (one) => one.modes.map((mode) => <Mode key={mode} mode={mode} />),
  },
  {
    name: "Checked",
    width: "64px",
    number: true,
    cell: (one) => (one.complete ? count(one.checked) : `${count(one.checked)}, newest`),
  },
  { name: "Fired", width: "56px", number: true, cell: (one) => count(one.checked - one.passed) },
  { name: "Rate", width: "56px", number: true, cell: (one) => percent(rate(one)) },
  { name: "95 % interval", width: "128px", cell: (one) => <Rate rule={one} /> },
  { name: "Would have", width: "minmax(68px, 1fr)", cell: (one) => counted(one.would) },
  { name: "Did", width: "minmax(64px, 1fr)", cell: (one) => counted(one.did) },
  {
    name: "Failed",
    width: "52px",
    number: true,
    cell: (one) => (
      <span className={one.errors + one.timeouts ? "bad" : ""}>
        {count(one.errors + one.timeouts)}
      </span>
    ),
  },
  { name: "Skipped", width: "56px", number: true, cell: (one) => count(one.skipped) },
  { name: "p50", width: "64px", number: true, cell: (one) => duration(one.p50_ms) },
  { name: "p99", width: "64px", number: true, cell: (one) => duration(one.p99_ms) },
];

const rate = (one: Rule) => (one.checked ? (one.checked - one.passed) / one.checked : null);

/** On a line from 0 to 20 %, or to 100 % where it fires more often. */
function Rate({ rule }: { rule: Rule }) {
  const value = rate(rule);
  const ends = wilson(rule.checked - rule.passed, rule.checked);
  if (value === null || !ends) return <span className="soft">–</span>;
  const [low, high] = ends;
  const to = high > 0.2 ? 1 : 0.2;
  const label = `${percent(value)}, between ${percent(low)} and ${percent(high)}; the line ends at ${percent(to, 0)}`;
  return <Interval value={value} low={low} high={high} from={0} to={to} label={label} />;
}
