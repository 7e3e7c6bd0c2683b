/** What is to know of a whole trace, in a line or two. */

import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { useRelease } from "@/api/releases";
import { count, duration, moment, money } from "@/kit/format";
import { isQuiet } from "@/kit/judged";
import { many } from "@/kit/plural";
import type { Tree } from "@/kit/tree";
import { Badge, Status } from "@/parts/badge";
import { Line } from "@/parts/text";
import { Verdict } from "@/parts/verdict";
import type { Score, TraceTree } from "./data";

const BUCKETS: Record<string, string> = {
  input: "input",
  cache_read: "from the cache",
  cache_write_5m: "into the cache",
  cache_write_1h: "into the cache for an hour",
  audio_input: "audio input",
  output: "output",
  reasoning: "reasoning",
  audio_output: "audio output",
};
const MOST_SCORES = 8;

export function bucketName(bucket: string): string {
  return BUCKETS[bucket] ?? bucket;
}

export function Facts(props: { told: TraceTree; tree: Tree; scores: readonly Score[] }) {
  const { told, tree } = props;
  const summary = told.summary;
  const root = tree.nodes[0];
  const failures = tree.nodes.filter((node) => node.status === "error").length;
  const of = props.scores.filter((score) => isOfTrace(score, root?.id) && !isElsewhere(score));
  return (
    <dl className="trace-facts">
      <Fact name="Status">
        <Status status={summary?.status ?? root?.status ?? "unset"} />
        {failures > 0 && <span className="status error">{many(failures, "span")} failed</span>}
      </Fact>
      <Fact name="Took">{duration(tree.duration_us / 1_000)}</Fact>
      <Fact name="Began">{moment(told.columns.start_ns)}</Fact>
      <Fact name="Spans">{count(tree.nodes.length)}</Fact>
      <Tokens parts={told.costs} />
      <Cost summary={summary} parts={told.costs} />
      <Named name="User" value={summary?.user} href={(value) => `/users/${value}`} />
      <Named name="Session" value={summary?.session} href={(value) => `/sessions/${value}`} />
      <Named name="Route" value={summary?.route} href={(_, value) => filtered("route", value)} />
      {summary?.release && <Release id={summary.release} />}
      {of.length > 0 && (
        <Fact name="Scores">
          {of.slice(0, MOST_SCORES).map((score) => (
            <Verdict key={score.score_id} score={score} named />
          ))}
          {of.length > MOST_SCORES && <Badge>{of.length - MOST_SCORES} more</Badge>}
        </Fact>
      )}
    </dl>
  );
}

/** Guards that found nothing, and what counts time and money, which stand here already. */
function isElsewhere(score: Score): boolean {
  return isQuiet(score) || score.name === "cost" || score.name === "latency";
}

export function isOfTrace(score: Score, root: string | undefined): boolean {
  const { kind, id } = score.target;
  return kind === "trace" || (kind === "span" && id === root);
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Named(props: {
  name: string;
  value: string | null | undefined;
  href: (encoded: string, value: string) => string;
}) {
  if (!props.value) return null;
  return (
    <Fact name={props.name}>
      <Link href={props.href(encodeURIComponent(props.value), props.value)}>
        <Line text={props.value} />
      </Link>
    </Fact>
  );
}

/** By the name people know it by; by its id where it is not, or no longer, known. */
function Release({ id }: { id: string }) {
  const { name, release } = useRelease(id);
  const href = release
    ? `/releases/${encodeURIComponent(release.route)}?release=${release.version}`
    : filtered("release", id);
  return <Named name="Release" value={name} href={() => href} />;
}

function filtered(field: string, value: string): string {
  const text = `${field}:"${value.replace(/["\\]/g, "\\$&")}"`;
  return `/traces?filter=${encodeURIComponent(text)}`;
}

function Tokens({ parts }: { parts: readonly Schemas["CostPart"][] }) {
  if (parts.length === 0) return null;
  return (
    <Fact name="Tokens">
      {count(parts.reduce((sum, part) => sum + part.tokens, 0))}{" "}
      <span className="soft">{split(parts, (part) => count(part.tokens))}</span>
    </Fact>
  );
}

function Cost(props: {
  summary: Schemas["TraceSummary"] | null;
  parts: readonly Schemas["CostPart"][];
}) {
  const { summary, parts } = props;
  if (!summary || (summary.cost_usd === null && summary.unpriced === 0)) return null;
  const known = parts.filter((part) => part.cost_usd !== null);
  const isSplit = known.length > 1 && known.length === parts.length;
  return (
    <Fact name="Cost">
      {money(summary.cost_usd)}{" "}
      {isSplit && Number(summary.cost_usd) > 0 && (
        <span className="soft">{split(parts, (part) => money(part.cost_usd))}</span>
      )}
      {summary.unpriced > 0 && <Badge tone="warn">{count(summary.unpriced)} not priced</Badge>}
    </Fact>
  );
}

function split(
  parts: readonly Schemas["CostPart"][],
  text: (part: Schemas["CostPart"]) => string,
): string {
  if (parts.length < 2) return "";
  return parts.map((part) => `${text(part)} ${bucketName(part.bucket)}`).join(" · ");
}
