/** One route: what answers, its releases, and what can be done with each. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { chosenOf } from "@/kit/choice";
import { percent } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { patch, useParam, usePathEnd, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Badge, type Tone } from "@/parts/badge";
import { Copy } from "@/parts/copy";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Tabs } from "@/parts/tabs";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { CanaryFigures } from "./canary";
import { Content } from "./content";
import { Difference } from "./difference";
import { History } from "./history";
import { Moves } from "./moves";
import "./releases.css";

type Release = Schemas["Release"];

const VIEWS = ["release", "diff", "canary", "history"] as const;

export default function OneRoute() {
  const route = usePathEnd();
  const [chosen, choose] = useParam("release");
  const [asked, setView] = useStep("view", VIEWS[0]);
  const now = chosenOf(VIEWS, asked);
  const found = useAnswer(["releases", route], (signal) =>
    api.get("/api/v1/releases", { query: { route }, signal }),
  );
  const status = useAnswer(["releases", "status", route], (signal) =>
    api.get("/api/v1/routes/{name}/status", { path: { name: route }, signal }),
  );
  const releases = found.data?.data ?? [];
  const release = releases.find((one) => String(one.version) === chosen) ?? opened(releases);
  useKeys(
    VIEWS.map((one, at) => ({
      keys: String(at + 1),
      does: `show ${one === "release" ? "the release" : `the ${one}`}`,
      run: () => setView(one),
    })),
  );
  const error = found.error ?? status.error;
  return (
    <Frame
      title={visible(route)}
      note={status.data && <Answering status={status.data} />}
      actions={release && <Moves key={release.release_id} release={release} />}
    >
      {error && <Failure error={error} again={() => void found.refetch()} />}
      {status.data && <Next status={status.data} />}
      {release && (
        <Split
          name="releases"
          label="Width of the list of releases"
          share={38}
          left={
            <Table
              label="Releases"
              columns={COLUMNS}
              rows={releases}
              rowKey={(one) => one.release_id}
              current={release.release_id}
              onOpen={(one) => choose(String(one.version))}
              tone={(one) => (one === release ? "new" : undefined)}
            />
          }
          right={
            <section className="pane" aria-label={`${route}@${release.version}`}>
              <div className="spread">
                <Tabs label="What is shown" names={VIEWS} now={now} onChange={setView} />
                <h2>
                  {visible(route)}@{release.version}
                </h2>
              </div>
              <View view={now} release={release} releases={releases} />
            </section>
          }
        />
      )}
    </Frame>
  );
}

/** What waits is what people come for; else what is live. */
function opened(releases: readonly Release[]): Release | undefined {
  const at = (state: string) => releases.find((one) => one.state === state);
  return at("canary") ?? at("candidate") ?? at("live") ?? releases[0];
}

function View(props: {
  view: (typeof VIEWS)[number];
  release: Release;
  releases: readonly Release[];
}) {
  const { release, releases } = props;
  if (props.view === "diff")
    return <Difference key={release.release_id} release={release} releases={releases} />;
  if (props.view === "canary") return <CanaryFigures key={release.release_id} release={release} />;
  if (props.view === "history")
    return (
      <History route={release.route} onOpen={(version) => patch({ release: version, view: "" })} />
    );
  return <Content key={release.release_id} release={release} />;
}

function Answering({ status }: { status: Schemas["RouteStatus"] }) {
  const { live, canary, environments } = status;
  const parts = [
    live ? `${live.release} is live` : "nothing is live",
    canary && `${canary.release} answers ${percent(canary.share, 0)}`,
    ...environments.map((one) => `${one.release} answers in ${one.environment}`),
  ];
  return <Line text={parts.filter(Boolean).join(", ")} />;
}

/** What the server says is to be done; a command is for a terminal. */
function Next({ status }: { status: Schemas["RouteStatus"] }) {
  const { waiting, next } = status;
  if (!waiting) return null;
  const at = next.indexOf("trimtab ");
  const { approved } = waiting;
  return (
    <div className="releases-next">
      <span>
        <strong>{visible(waiting.release)} waits.</strong>{" "}
        {waiting.verdict ? `The gate said ${waiting.verdict}. ` : "The gate has not judged it. "}
        {approved.needed > 0 && `${approved.by.length} of ${approved.needed} approvals count. `}
        {approved.stale.length > 0 &&
          `${visible(approved.stale.join(", "))} must look again: ${visible(approved.why ?? "")}. `}
        {at < 0 && visible(next)}
      </span>
      {at >= 0 && (
        <span className="row">
          <code>{visible(next.slice(at))}</code>
          <Copy text={next.slice(at)} />
        </span>
      )}
    </div>
  );
}

const TONES: Record<string, Tone> = {
  live: "ok",
  canary: "accent",
  candidate: "warn",
  draft: "soft",
  retired: "soft",
};

export function State({ release }: { release: Release }) {
  const share = release.state === "canary" ? ` ${percent(release.share, 0)}` : "";
  return (
    <>
      <Badge tone={TONES[release.state] ?? "soft"}>
        {release.state}
        {share}
      </Badge>
      {release.live_in.map((one) => (
        <Badge key={one} tone="ok">
          {visible(one)}
        </Badge>
      ))}
    </>
  );
}

const COLUMNS: readonly Column<Release>[] = [
  { name: "Version", width: "52px", number: true, cell: (one) => one.version },
  {
    name: "State",
    width: "minmax(84px, 1fr)",
    cell: (one) => (
      <span className="releases-states">
        <State release={one} />
      </span>
    ),
  },
  { name: "Note", width: "minmax(72px, 2fr)", cell: (one) => <Line text={one.note} /> },
  { name: "By", width: "minmax(36px, 0.6fr)", cell: (one) => <Line text={one.author} /> },
  { name: "Made", width: "56px", number: true, cell: (one) => <When ns={one.created_ns} /> },
];
