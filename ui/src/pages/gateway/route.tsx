/** One route: who answers, who else is asked, and what is set. */
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { term, tracesOf } from "@/kit/filters";
import { count, duration, percent } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { done, failed } from "@/parts/messages";
import { type Cell, Facts, Pane, Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { Errors } from "./errors";
import { Breaker } from "./targets";

type State = Schemas["RouteState"];
type Target = Schemas["TargetState"];
type Standing = Schemas["TargetStanding"] & { turn: string; seen: Target | undefined };

export function RoutePane(props: {
  state: State;
  targets: readonly Target[];
  onClose: () => void;
}) {
  const { state } = props;
  return (
    <Pane
      title={visible(state.name)}
      note={state.release && <Line text={state.release} />}
      onClose={props.onClose}
      actions={<Link href={tracesOf(term("route", state.name))}>Traces</Link>}
    >
      {state.problem && <p className="gateway-problem">{visible(state.problem)}</p>}
      {state.warnings.map((one) => (
        <p key={one} className="gateway-warning">
          {visible(one)}
        </p>
      ))}
      <Rows
        label={`Models of ${state.name}`}
        columns={COLUMNS}
        rows={standings(state, props.targets)}
        rowKey={(one) => `${one.turn} ${one.model}`}
        empty="No model answers."
      />
      <Shares state={state} />
      <Settings name={state.name} state={state} />
      <Errors filter={term("route", state.name)} />
    </Pane>
  );
}

function standings(state: State, targets: readonly Target[]): Standing[] {
  const seen = new Map(targets.map((one) => [one.target, one]));
  const of = (turn: string) => (one: Schemas["TargetStanding"]) => ({
    ...one,
    turn,
    seen: seen.get(one.model),
  });
  return [
    ...state.targets.map(of("first")),
    ...state.fallbacks.flatMap((pool, at) => pool.map(of(`then ${at + 1}`))),
  ];
}

const COLUMNS: readonly Cell<Standing>[] = [
  { name: "Asked", width: "56px", cell: (one) => one.turn },
  { name: "Model", cell: (one) => <Line text={one.model} /> },
  { name: "Weight", width: "56px", number: true, cell: (one) => one.weight },
  { name: "State", width: "108px", cell: (one) => <Breaker {...one} /> },
  {
    name: "First byte",
    width: "68px",
    number: true,
    cell: ({ seen }) => duration(seen?.first_byte_s ? seen.first_byte_s * 1_000 : null),
  },
  { name: "Errors", width: "64px", number: true, cell: ({ seen }) => percent(seen?.error_rate) },
];

/** Which releases answer, of whom, and what share they have. */
function Shares({ state }: { state: State }) {
  const rows = [
    ...state.placed.map((one) => ({ ...one, who: `calls of ${one.environment}`, share: 1 })),
    ...(state.canary ? [{ ...state.canary, who: segmentOf(state.canary.segment) }] : []),
    ...state.split.map((one) => ({ ...one, who: "its share of the rest" })),
  ];
  if (rows.length === 0) return null;
  return (
    <Rows
      label="Shares"
      rows={rows}
      rowKey={(one) => `${one.who} ${one.release}`}
      empty=""
      columns={[
        {
          name: "Release",
          cell: (one) =>
            one.release ? (
              <Link
                href={`/releases/${encodeURIComponent(state.name)}?release=${versionOf(one.release)}`}
              >
                <Line text={one.release} />
              </Link>
            ) : (
              "the route's own models"
            ),
        },
        { name: "State", width: "72px", cell: (one) => one.state ?? "" },
        { name: "Answers", width: "38%", cell: (one) => <Line text={one.who} /> },
        { name: "Share", width: "56px", number: true, cell: (one) => percent(one.share, 0) },
      ]}
    />
  );
}

const versionOf = (ref: string) => ref.slice(ref.lastIndexOf("@") + 1);

function segmentOf(segment: Schemas["Segment"] | null): string {
  if (!segment) return "everybody";
  const named = [
    ...segment.users.map((one) => `user ${one}`),
    ...segment.teams.map((one) => `team ${one}`),
    ...segment.keys.map((one) => `key ${one}`),
    ...segment.environments.map((one) => `environment ${one}`),
    ...Object.entries(segment.attributes).map(([name, value]) => `${name} ${value}`),
  ];
  return named.join(", ") || "everybody";
}

function Settings({ name, state }: { name: string; state: State }) {
  const { data } = useAnswer(["routes", "settings"], (signal) =>
    api.get("/api/v1/routes", { signal }),
  );
  const route = data?.data.find((one) => one.name === name || one.aliases.includes(name));
  const { retries, timeouts, breaker, cache, guards } = route ?? {};
  return (
    <>
      <Facts
        facts={[
          ["Chooses", `${state.choose.replace("_", " ")}${state.sticky ? ", sticky" : ""}`],
          ["Alias of", route && route.name !== name ? visible(route.name) : ""],
          ["Aliases", visible(route?.aliases.filter((one) => one !== name).join(", ") ?? "")],
          ["Retries", retries ? `${retries.attempts}, pauses up to ${retries.max_s} s` : ""],
          [
            "Time limits",
            timeouts
              ? `first content ${timeouts.first_token_s} s, pause ${timeouts.idle_s} s, all ${timeouts.total_s} s`
              : "",
          ],
          ["Breaker", breaker ? `${breaker.failures} in a row, ${breaker.cooldown_s} s` : ""],
          ["Guards", guards ? [guards.policy, guards.mode].filter(Boolean).join(", ") : ""],
          ["Copies to", visible(route?.shadows.map((one) => one.model).join(", ") ?? "")],
          ["Set in", route ? (route.source === "file" ? "the configuration file" : "the API") : ""],
          ["Cache", cache && <CacheFact name={route?.name ?? name} cache={cache} />],
        ]}
      />
      {data && !route && <p className="soft">It has no settings of its own: the defaults hold.</p>}
    </>
  );
}

function CacheFact({ name, cache }: { name: string; cache: Schemas["CacheSettings"] }) {
  const clear = async () => {
    try {
      const { cleared } = await api.delete("/api/v1/cache", { query: { route: name } });
      done(`Forgotten: ${count(cleared)} answers of ${visible(name)}`);
      changed("metrics");
    } catch (error) {
      failed(error);
    }
  };
  const alike = cache.similarity ? `, questions alike from ${cache.similarity}` : "";
  return (
    <span className="row">
      {duration(cache.ttl_s * 1_000)}
      {alike}
      {cache.shared ? ", shared between users" : ""}
      <Button onClick={clear}>Forget its answers</Button>
    </span>
  );
}
