/** One trace: its spans as a tree over time, and what was said in one of them. */
import { useEffect, useState } from "react";
import { useLocation, useParams } from "wouter";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { type Neighbours, neighbours } from "@/kit/neighbours";
import { useParam } from "@/kit/state";
import { head, visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { failed } from "@/parts/messages";
import { Split } from "@/parts/split";
import { ChooseOther } from "./choose";
import { useScores, useTree } from "./data";
import { Facts } from "./facts";
import { saved } from "./save";
import { SpanPane } from "./span";
import { TakeAlong } from "./take";
import { TreePane } from "./tree";
import "./trace.css";

const TITLE_CHARS = 120;
const SETTLES_MS = 120;

export default function OneTrace() {
  const { id = "" } = useParams<{ id: string }>();
  const [, go] = useLocation();
  const { answer, told, tree, path } = useTree(id.toLowerCase());
  const scores = useScores(id.toLowerCase());
  const [span, choose] = useChosen(id);
  const beside = neighbours(id);
  // in place of this one: Back leads to the list
  const move = (to: string | null | undefined) => to && go(`/traces/${to}`, { replace: true });
  const [open, setOpen] = useState<"take" | "choose" | null>(null);
  const node = tree?.nodes[tree.places.get(span) ?? 0];
  const replay = () => node && go(`/playground?from=${id}/${node.id}`);
  useKeys([
    { keys: "r", does: "replay the span in the playground", run: () => replay() },
    { keys: "c", does: "take the call along as code", run: () => setOpen("take") },
    { keys: "d", does: "compare with another trace", run: () => setOpen("choose") },
    { keys: "u", does: "back to the traces", run: () => go(`/traces${beside?.search ?? ""}`) },
    ...(beside
      ? [
          { keys: "n", does: "next trace of the list", run: () => move(beside.after) },
          { keys: "p", does: "trace before in the list", run: () => move(beside.before) },
        ]
      : []),
  ]);
  const untold = answer.error ? `Trace ${id}` : "Trace";
  const name = told?.summary?.name ?? tree?.nodes[0]?.name ?? untold;
  const actions = (
    <>
      <Button onClick={() => setOpen("choose")}>Compare</Button>
      <Button onClick={() => setOpen("take")}>As code</Button>
      <Button onClick={() => void saved(id).catch(failed)}>JSON</Button>
      <Copy text={() => location.href} label="Copy link" />
    </>
  );
  return (
    <Frame
      title={visible(head(name, TITLE_CHARS)) || "Trace without a name"}
      actions={
        <>
          {beside && <Beside {...beside} onMove={move} />}
          {tree && actions}
        </>
      }
      bar={told && tree && <Facts told={told} tree={tree} scores={scores} />}
    >
      {answer.error && <Failure error={answer.error} again={() => void answer.refetch()} />}
      {!tree && !answer.error && (
        <p className="trace-waiting soft" aria-busy="true">
          Asking for the spans…
        </p>
      )}
      {tree && node && (
        <Split
          name="trace"
          label="Width of the tree"
          share={52}
          left={<TreePane key={id} tree={tree} path={path} chosen={node} onChoose={choose} />}
          right={
            <SpanPane
              key={id}
              trace_id={id}
              tree={tree}
              node={node}
              scores={scores}
              onChoose={choose}
              onReplay={replay}
            />
          }
        />
      )}
      {open === "take" && node && (
        <TakeAlong trace_id={id} span_id={node.id} onClose={() => setOpen(null)} />
      )}
      {open === "choose" && <ChooseOther trace_id={id} name={name} onClose={() => setOpen(null)} />}
    </Frame>
  );
}

/** The way to the traces that stand beside this one in the list it was opened from. */
function Beside(props: Neighbours & { onMove: (to: string | null) => void }) {
  const { before, after, place, of } = props;
  return (
    <span className="row trace-beside-list">
      <Button
        aria-label="Trace before"
        title="Trace before in the list (p)"
        aria-disabled={before === null}
        onClick={() => props.onMove(before)}
      >
        ‹
      </Button>
      <span className="soft">
        {count(place)} of {count(of)}
      </span>
      <Button
        aria-label="Next trace"
        title="Next trace of the list (n)"
        aria-disabled={after === null}
        onClick={() => props.onMove(after)}
      >
        ›
      </Button>
    </span>
  );
}

/** The chosen span at once; in the address when the choice has settled, for browsers count changes. */
function useChosen(trace_id: string): [string, (id: string) => void] {
  const [param, setParam] = useParam("span");
  const [id, setId] = useState(param);
  const said = `${trace_id} ${param}`;
  const [seen, setSeen] = useState(said);
  if (seen !== said) {
    setSeen(said);
    setId(param);
  }
  useEffect(() => {
    if (id === param) return;
    const timer = setTimeout(() => setParam(id), SETTLES_MS);
    return () => clearTimeout(timer);
  }, [id, param, setParam]);
  return [id, setId];
}
