/** What a release is: its content never changes. */
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { term, tracesOf } from "@/kit/filters";
import { moment, money, percent } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Json } from "@/parts/json";
import { Outcome } from "@/parts/outcome";
import { Facts, Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";

type Release = Schemas["Release"];

export function Content({ release }: { release: Release }) {
  const ref = release.release_id;
  const { data } = useAnswer(["releases", "one", ref], (signal) =>
    api.get("/api/v1/releases/{ref}", { path: { ref }, signal }),
  );
  const warnings = data?.release_id === ref ? data.warnings : [];
  return (
    <>
      {warnings.map((one) => (
        <p key={one} className="releases-warning">
          {visible(one)}
        </p>
      ))}
      <Facts
        facts={[
          ["Note", release.note && <Line text={release.note} />],
          ["Prompt", release.prompt && <PromptLink name={release.prompt} />],
          ["Models", models(release)],
          ["Guards", release.guard_policy && visible(release.guard_policy)],
          ["Retrieval", release.retrieval && retrieval(release.retrieval)],
          [
            "Parameters",
            Object.keys(release.parameters).length > 0 && <Json value={release.parameters} />,
          ],
          ["Made", `${moment(release.created_ns)} by ${visible(release.author ?? "somebody")}`],
          ["Digest", <code key="digest">{release.digest.slice(0, 16)}</code>],
          [
            "Calls",
            <Link key="calls" href={tracesOf(term("release", release.release_id))}>
              Traces that it answered
            </Link>,
          ],
        ]}
      />
      <Evidence release={release} />
      <Approvals release={release} />
    </>
  );
}

function PromptLink({ name }: { name: string }) {
  const base = name.replace(/@\d+$/, "");
  return <Link href={`/prompts/${encodeURIComponent(base)}`}>{visible(name)}</Link>;
}

function models({ targets }: Release): string {
  const all = targets.reduce((sum, one) => sum + one.weight, 0);
  const said = targets.map((one) =>
    targets.length > 1 ? `${one.model} ${percent(one.weight / all, 0)}` : one.model,
  );
  return visible(said.join(", "));
}

function retrieval(of: Schemas["Retrieval"]): string {
  const stemmer = of.stemmer ? `${of.stemmer} stemmer` : "no stemmer";
  return `${visible(of.corpus)}: ${of.k} passages of ${of.chunk_words} words, ${stemmer}`;
}

/** Runs of this very content, the newest first. */
export function useEvidence(release: Release) {
  const { data } = useAnswer(["runs", "all"], (signal) =>
    api.get("/api/v1/runs", { query: { limit: 1_000 }, signal }),
  );
  return (data?.data ?? []).filter(
    (one) => one.release_digest === release.digest || one.release === release.release_id,
  );
}

function Evidence({ release }: { release: Release }) {
  const runs = useEvidence(release);
  return (
    <>
      <h3>Evidence</h3>
      <Rows
        label="Evidence"
        rows={runs}
        rowKey={(run) => run.run_id}
        empty="No run has judged it."
        columns={[
          {
            name: "Run",
            width: "34%",
            cell: (run) => (
              <Link href={`/experiments/${run.run_id}`}>
                <Line text={run.name || run.run_id} />
              </Link>
            ),
          },
          { name: "Dataset", cell: (run) => <Line text={run.dataset} /> },
          {
            name: "Verdict",
            width: "108px",
            cell: (run) => <Outcome outcome={run.verdict?.outcome} />,
          },
          { name: "Cost", width: "64px", number: true, cell: (run) => money(run.cost_usd) },
          {
            name: "When",
            width: "56px",
            number: true,
            cell: (run) => <When ns={run.ended_ns ?? run.started_ns} />,
          },
        ]}
      />
    </>
  );
}

function Approvals({ release }: { release: Release }) {
  const given = release.approvals.filter((one) => one.action === "approve");
  const promoted = release.approvals.filter((one) => one.action === "promote").at(-1);
  return (
    <>
      <h3>Approvals</h3>
      <Rows
        label="Approvals"
        rows={given}
        rowKey={(one) => `${one.principal} ${one.time_ns}`}
        empty={promoted ? <Promoted release={release} by={promoted} /> : "Nobody has approved it."}
        columns={[
          { name: "Who", width: "24%", cell: (one) => <Line text={one.principal} /> },
          {
            name: "For",
            width: "24%",
            cell: (one) => <Line text={one.environment ?? "everywhere"} />,
          },
          { name: "Because", cell: (one) => <Line text={one.reason} /> },
          { name: "When", width: "56px", number: true, cell: (one) => <When ns={one.time_ns} /> },
        ]}
      />
    </>
  );
}

/** Who made it live, and on what, where nobody approved of it by itself. */
function Promoted({ release, by }: { release: Release; by: Release["approvals"][number] }) {
  const run = useEvidence(release).find((one) => one.run_id === by.run);
  return (
    <>
      Promoted by <bdi>{visible(by.principal)}</bdi>
      {by.environment && ` for ${visible(by.environment)}`}
      {by.run && (
        <>
          , on run{" "}
          <Link href={`/experiments/${encodeURIComponent(by.run)}`}>
            <bdi>{visible(run?.name || by.run)}</bdi>
          </Link>
        </>
      )}
      {by.reason && `: ${visible(by.reason)}`}.
    </>
  );
}
