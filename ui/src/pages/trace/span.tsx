/** One span of a trace: what was said in it, what it took, and how it was judged. */
import { type ReactNode, useMemo, useState } from "react";
import { Link } from "wouter";
import { useRelease } from "@/api/releases";
import { count, duration, moment, money } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { findings } from "@/kit/marks";
import { many } from "@/kit/plural";
import type { Node, Tree } from "@/kit/tree";
import { Badge, Kind, Status } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Json } from "@/parts/json";
import { Tabs } from "@/parts/tabs";
import { Line } from "@/parts/text";
import { type Score, type Span, useSpan } from "./data";
import { ErrorText } from "./error-text";
import { isOfTrace } from "./facts";
import { Figures } from "./figures";
import { Payload } from "./payload";
import { RENDERINGS, type Rendering, useRendering } from "./rendering";
import { Scores } from "./scores";
import { Section } from "./section";
import "./span.css";

interface Props {
  trace_id: string;
  tree: Tree;
  node: Node;
  scores: readonly Score[];
  onChoose: (id: string) => void;
  onReplay: () => void;
}

export function SpanPane(props: Props) {
  const { node, trace_id } = props;
  const [rendering, setRendering] = useRendering();
  const { answer, span, isThere } = useSpan(trace_id, node.id);
  const isRoot = node.at === 0;
  const [judged, setJudged] = useState("");
  const own = useMemo(
    () =>
      props.scores.filter(
        (score) => score.target.id === node.id || (isRoot && isOfTrace(score, node.id)),
      ),
    [props.scores, node.id, isRoot],
  );
  useKeys([
    // held here: what is pressed before the span has come is not lost
    { keys: "a", does: "annotate the span", run: () => setJudged(node.id) },
    {
      keys: "v",
      does: "show it as chat, text or JSON",
      run: () =>
        setRendering(
          RENDERINGS[(RENDERINGS.indexOf(rendering) + 1) % RENDERINGS.length] as Rendering,
        ),
    },
  ]);
  return (
    <section className="trace-pane" aria-label="The chosen span" aria-busy={!isThere}>
      <header className="trace-pane-head">
        <Kind kind={node.kind} />
        <h2 className="cut grow">
          <Line text={node.name || "without a name"} />
        </h2>
        <Tabs label="Shown as" names={RENDERINGS} now={rendering} onChange={setRendering} />
        <Button onClick={props.onReplay}>Replay</Button>
      </header>
      <div className="trace-pane-body">
        <Took node={node} span={isThere ? span : undefined} />
        {answer.error && <Failure error={answer.error} again={() => void answer.refetch()} />}
        {node.error && <ErrorText key={node.id} text={(isThere && span?.error) || node.error} />}
        {span && (
          <div className={isThere ? "stack" : "stack trace-stale"}>
            <Said {...props} span={span} scores={own} rendering={rendering} />
            <Section title="Scores" open>
              <Scores
                key={node.id}
                trace_id={trace_id}
                span_id={node.id}
                scores={own}
                isTrace={isRoot}
                isOpen={judged === node.id}
                onOpen={(isOpen) => setJudged(isOpen ? node.id : "")}
              />
            </Section>
            <Figures key={span.span_id} trace_id={trace_id} span={span} />
            <Rest key={`${span.span_id} rest`} span={span} />
          </div>
        )}
      </div>
    </section>
  );
}

function Took({ node, span }: { node: Node; span: Span | undefined }) {
  const first = node.first_token_us;
  return (
    <p className="trace-took-line soft">
      <Status status={node.status} />
      <span>{node.open ? "still running" : duration(node.duration_us / 1_000)}</span>
      <span>after {duration(node.start_us / 1_000)}</span>
      {first !== null && <span>first token at {duration(first / 1_000)}</span>}
      {node.model && (
        <span className="cut">
          <Line text={node.model} />
          {span?.provider ? " by " : ""}
          {span?.provider && <Line text={span.provider} />}
        </span>
      )}
      {node.tokens > 0 && <span>{count(node.tokens)} tokens</span>}
      {node.cost_usd !== null && <span>{money(node.cost_usd)}</span>}
      {span?.prompt && (
        <Link
          className="cut"
          href={`/prompts/${encodeURIComponent(span.prompt.replace(/@[^@]*$/, ""))}`}
        >
          <Line text={span.prompt} />
        </Link>
      )}
    </p>
  );
}

/** What went in and what came out: of a tool side by side. */
function Said(props: Props & { span: Span; rendering: Rendering }) {
  const { span, scores, rendering } = props;
  const input = useMemo(() => findings(scores, "input"), [scores]);
  const output = useMemo(() => findings(scores, "output"), [scores]);
  const beside = span.kind === "tool" && rendering !== "JSON";
  const place = { trace_id: props.trace_id, tree: props.tree, onChoose: props.onChoose };
  return (
    <div className={beside ? "trace-beside" : "stack"}>
      <Section title="Input" open note={found(input)} copy={span.input}>
        <Payload
          key={`${span.span_id} input`}
          value={span.input}
          rendering={rendering}
          findings={input}
          place={{ ...place, span_id: span.span_id }}
        />
      </Section>
      <Section title="Output" open note={found(output)} copy={span.output}>
        <Payload
          key={`${span.span_id} output`}
          value={span.output}
          rendering={rendering}
          findings={output}
          place={{ ...place, span_id: span.span_id }}
        />
      </Section>
    </div>
  );
}

function found(list: readonly unknown[]): ReactNode {
  return list.length === 0 ? null : <Badge tone="warn">{many(list.length, "finding")}</Badge>;
}

/** Everything else that is on record; what is empty is not shown. */
function Rest({ span }: { span: Span }) {
  const release = useRelease(span.release).name;
  const ids = {
    trace: span.trace_id,
    span: span.span_id,
    ...(span.parent_id ? { parent: span.parent_id } : {}),
    began: moment(span.start_ns),
    ...(span.service ? { service: span.service } : {}),
    ...(span.environment ? { environment: span.environment } : {}),
    ...(span.run ? { run: span.run } : {}),
    ...(release ? { release } : {}),
  };
  const parts: [string, object | readonly unknown[]][] = [
    ["Tags", span.tags],
    ["Metadata", span.metadata],
    ["Attributes", span.attributes],
    ["Events", span.events],
    ["Links", span.links],
    ["Resource", span.resource],
    ["Identity", ids],
  ];
  return parts
    .filter(([, value]) => Object.keys(value).length > 0)
    .map(([title, value]) => (
      <Section
        key={title}
        title={title}
        note={<span className="soft">{count(Object.keys(value).length)}</span>}
        copy={value}
      >
        <Json value={value} open={1} />
      </Section>
    ));
}
