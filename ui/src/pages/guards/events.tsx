/** The newest calls on which a rule fired or failed. */
import { useMemo } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, term } from "@/kit/filters";
import { digits } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { FilterBar } from "@/parts/filter-bar";
import { Frame } from "@/parts/frame";
import { Pane } from "@/parts/pane";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { type Event, EventFacts, FoundTexts } from "./found";
import { Done } from "./said";
import { GuardSections, Since, useSince } from "./sections";
import "./guards.css";

type Trace = Schemas["TraceSummary"];

const MOST = 500;
const EVERY_MS = 10_000;
const key = (one: Event) => `${one.span_id} ${one.rule} ${one.stage} ${one.time_ns}`;

export default function Events() {
  const [since, setSince] = useSince();
  const [rule, setRule] = useStep("rule");
  const [filter, setFilter] = useStep("filter");
  const [chosen, choose] = useParam("event");
  const { data, error, isSuccess, refetch } = useAnswer(
    ["guards", "events", since, rule, filter],
    (signal) =>
      api.get("/api/v1/guards/events", { query: { since, rule, filter, limit: MOST }, signal }),
    { every: EVERY_MS },
  );
  const events = data?.data ?? [];
  const event = events.find((one) => key(one) === chosen);
  const traces = useTracesOf(events, since);
  useKeys(event ? [{ keys: "Escape", does: "close the event", run: () => choose("") }] : []);
  const list = (
    <Table
      label="Guard events"
      columns={columnsOf(traces, event !== undefined)}
      rows={events}
      rowKey={key}
      onOpen={(one) => choose(key(one) === chosen ? "" : key(one))}
      tone={(one) => (one === event ? "new" : isFailure(one) ? "error" : undefined)}
      empty={
        isSuccess && (
          <Empty title="No rule fired">
            Widen the period, take a condition out, or let a rule look at a text under Scan.
          </Empty>
        )
      }
    />
  );
  return (
    <Frame
      title="Guard events"
      note={data && (events.length >= MOST ? `the newest ${MOST}` : String(events.length))}
      actions={
        <>
          <GuardSections />
          <Since value={since} onChange={setSince} />
        </>
      }
      bar={
        <>
          <RuleChoice since={since} value={rule} onChange={setRule} />
          <FilterBar value={filter} onChange={setFilter} error={error} />
        </>
      }
    >
      {error && <Failure error={error} again={() => void refetch()} />}
      <Split
        name="guards"
        label="Width of the list of events"
        share={55}
        left={list}
        right={
          event ? (
            <Pane key={chosen} title={visible(event.rule)} onClose={() => choose("")}>
              <EventFacts event={event} />
              <FoundTexts event={event} />
            </Pane>
          ) : null
        }
      />
    </Frame>
  );
}

const SAID_BESIDE = new Set(["Side", "Score", "Route"]);

const isFailure = ({ action }: Event) => action === "error" || action === "timeout";

function RuleChoice(props: { since: string; value: string; onChange: (rule: string) => void }) {
  const { data } = useAnswer(["guards", "report", props.since], (signal) =>
    api.get("/api/v1/guards/report", { query: { since: props.since }, signal }),
  );
  const names = new Set([...(data?.rules ?? []).map((one) => one.rule), props.value]);
  names.delete("");
  return (
    <select
      className="input"
      style={{ width: "auto", maxWidth: 200 }}
      aria-label="Rule"
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    >
      <option value="">Every rule</option>
      {[...names].sort().map((name) => (
        <option key={name} value={name}>
          {visible(name)}
        </option>
      ))}
    </select>
  );
}

/** The calls on which rules fired, by their ids: what was asked, and by which route. */
function useTracesOf(events: readonly Event[], since: string): ReadonlyMap<string, Trace> {
  const ids = [...new Set(events.map((one) => one.trace_id ?? ""))].filter(Boolean).sort();
  const filter = both(term("trace_id", ...ids), `since:${since}`);
  const { data } = useAnswer(
    ["traces", "of", filter],
    (signal) => api.get("/api/v1/traces", { query: { filter, limit: MOST }, signal }),
    { on: ids.length > 0 },
  );
  return useMemo(() => new Map(data?.data.map((one) => [one.trace_id, one])), [data]);
}

function kinds(event: Event): string {
  const list = event.findings as unknown as { kind?: unknown }[];
  return [...new Set(list.map((one) => String(one.kind ?? "")))].filter(Boolean).join(", ");
}

/** Beside an open event there is no room for what the event itself says. */
function columnsOf(traces: ReadonlyMap<string, Trace>, isNarrow: boolean): Column<Event>[] {
  const of = (event: Event) => traces.get(event.trace_id ?? "");
  const all: Column<Event>[] = [
    { name: "When", width: "56px", number: true, cell: (one) => <When ns={one.time_ns} /> },
    { name: "Rule", width: "minmax(96px, 0.6fr)", cell: (one) => <Line text={one.rule} /> },
    { name: "Side", width: "52px", cell: (one) => one.stage ?? "–" },
    { name: "What came of it", width: "116px", cell: (one) => <Done event={one} /> },
    {
      name: "Score",
      width: "56px",
      number: true,
      cell: (one) => (one.value === null ? "–" : digits(one.value)),
    },
    {
      name: "Found",
      width: "minmax(96px, 1fr)",
      cell: (one) => <Line text={kinds(one) || one.reason} />,
    },
    { name: "Route", width: "minmax(64px, 0.6fr)", cell: (one) => <Line text={of(one)?.route} /> },
    {
      name: "Call",
      width: "minmax(96px, 1.6fr)",
      cell: (one) => (
        <Line text={of(one)?.[one.stage === "output" ? "output_preview" : "input_preview"]} />
      ),
    },
  ];
  return isNarrow ? all.filter(({ name }) => !SAID_BESIDE.has(name)) : all;
}
