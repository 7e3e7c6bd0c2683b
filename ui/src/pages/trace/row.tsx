import { memo } from "react";
import type { Stretch } from "@/kit/critical";
import { count, duration, money } from "@/kit/format";
import { placed } from "@/kit/ruler";
import type { Node } from "@/kit/tree";
import { Kind, Status } from "@/parts/badge";
import { Line } from "@/parts/text";

const WIDE_INDENTS = 5;
const MOST_INDENTS = 10;
const WIDE = 10;
const NARROW = 3;
const MOST_STRETCHES = 24;

interface Props {
  id: string;
  node: Node;
  top: number;
  view: Stretch;
  /** What the span itself adds to the critical path. */
  own: readonly Stretch[] | undefined;
  isChosen: boolean;
  isFolded: boolean;
  /** A search has found it, and not only a span below it. */
  isFound: boolean;
  onChoose: (id: string) => void;
  onFold: (node: Node) => void;
}

export const SpanRow = memo(function SpanRow(props: Props) {
  const { node, isFolded } = props;
  const hasBelow = node.end > node.at + 1;
  const isDeep = node.depth > MOST_INDENTS;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
    <div
      id={props.id}
      role="treeitem"
      aria-level={node.depth + 1}
      aria-expanded={hasBelow ? !isFolded : undefined}
      aria-selected={props.isChosen}
      tabIndex={-1}
      className="trace-row"
      data-found={props.isFound || undefined}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => props.onChoose(node.id)}
    >
      <div
        className="trace-name"
        data-deep={isDeep || undefined}
        title={isDeep ? `${node.kind}, level ${node.depth}` : undefined}
        style={{ paddingLeft: indent(node.depth) }}
      >
        {hasBelow ? (
          <span
            className="trace-fold"
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              props.onFold(node);
            }}
          >
            {isFolded ? "▸" : "▾"}
          </span>
        ) : (
          <span className="trace-fold" aria-hidden="true" />
        )}
        {isDeep && <span className="soft">{node.depth}</span>}
        {node.status === "error" && <Status status="error" short />}
        <Kind kind={node.kind} />
        <span className="cut">
          <Line text={node.name || "without a name"} />
        </span>
        {isFolded && <span className="soft">+{count(node.end - node.at - 1)}</span>}
        {node.lost && <span className="soft">parent not recorded</span>}
      </div>
      <Bar node={node} view={props.view} own={props.own} />
      <span className="number trace-took">
        {node.open ? "running" : duration(node.duration_us / 1_000)}
      </span>
      <span className="number soft trace-tokens">{node.tokens ? count(node.tokens) : ""}</span>
      <span className="number soft trace-cost">
        {node.cost_usd === null ? "" : money(node.cost_usd)}
      </span>
    </div>
  );
});

/** In pixels; deep ones come closer together, so that there is room for their names. */
function indent(depth: number): number {
  const wide = Math.min(depth, WIDE_INDENTS);
  return wide * WIDE + (Math.min(depth, MOST_INDENTS) - wide) * NARROW;
}

/** When the span was at work; below, where the end of the trace was waiting for it. */
function Bar({ node, view, own }: Pick<Props, "node" | "view" | "own">) {
  const end = node.start_us + node.duration_us;
  const whole = placed([node.start_us, end], view);
  const first = node.first_token_us;
  const token = first === null ? null : placed([node.start_us + first, end], view);
  return (
    <div className="trace-bar" aria-hidden="true">
      {whole && (
        <span
          className={`trace-span kind ${node.kind}`}
          data-error={node.status === "error" || undefined}
          style={{ left: `${whole.left}%`, width: `${whole.width}%` }}
        />
      )}
      {token && token.left > 0 && (
        <span className="trace-first" title="first token" style={{ left: `${token.left}%` }} />
      )}
      {own?.slice(0, MOST_STRETCHES).map((one) => {
        const part = placed(one, view);
        return (
          part && (
            <span
              key={one[0]}
              className="trace-critical"
              style={{ left: `${part.left}%`, width: `${part.width}%` }}
            />
          )
        );
      })}
    </div>
  );
}
