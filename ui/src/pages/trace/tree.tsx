/** The spans of a trace: a tree and, in the same rows, when each of them was at work. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import type { Stretch } from "@/kit/critical";
import { count } from "@/kit/format";
import { many } from "@/kit/plural";
import { useParam } from "@/kit/state";
import { matches, type Node, shown, type Tree, withParents } from "@/kit/tree";
import { Button } from "@/parts/button";
import { SpanRow } from "./row";
import { Ruler } from "./ruler";
import { useWalk } from "./walk";
import "./tree.css";

const ROW = 24;

export function TreePane(props: {
  tree: Tree;
  path: ReadonlyMap<number, readonly Stretch[]>;
  chosen: Node;
  onChoose: (id: string) => void;
}) {
  const { tree, chosen } = props;
  const id = useId();
  const [find, setFind] = useParam("find");
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [zoom, setZoom] = useState<Stretch | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const found = useMemo(() => matches(tree.nodes, find), [tree, find]);
  const hits = useMemo(() => new Set(found), [found]);
  const rows = useMemo(
    () => shown(tree.nodes, folded, find.trim() ? withParents(tree.nodes, found) : null),
    [tree, folded, find, found],
  );
  const view: Stretch = zoom ?? [0, Math.max(tree.duration_us, 1)];
  const row = rowOf(rows, chosen.at);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 6,
  });
  useEffect(() => {
    if (row >= 0) virtual.scrollToIndex(row);
  }, [row, virtual]);
  const walk = useWalk({
    ...props,
    rows,
    row,
    folded,
    setFolded,
    zoom,
    setZoom,
    onSearch: () => search.current?.focus(),
  });
  const onSearchKey = (event: React.KeyboardEvent) => {
    if (event.key === "Enter") walk.toMatch(found, event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      setFind("");
      scroller.current?.focus();
    } else return;
    event.preventDefault();
  };
  return (
    <section className="trace-tree" aria-label="Spans">
      <div className="trace-tree-bar">
        <input
          ref={search}
          className="input"
          type="search"
          aria-label="Find in the tree"
          placeholder="Find in the tree"
          value={find}
          onChange={(event) => setFind(event.target.value)}
          onKeyDown={onSearchKey}
        />
        <span className="soft" aria-live="polite">
          {find.trim() ? `${count(found.length)} found` : ""}
        </span>
        <span className="trace-legend soft" title="What the end of the trace was waiting for">
          <i aria-hidden="true" /> critical path, {many(props.path.size, "span")}
        </span>
        {zoom && <Button onClick={() => setZoom(null)}>Whole trace</Button>}
      </div>
      <Ruler view={view} whole={tree.duration_us} isZoomed={zoom !== null} onZoom={setZoom} />
      <div
        ref={scroller}
        className="trace-rows"
        role="tree"
        aria-label="Spans of the trace"
        aria-activedescendant={row >= 0 ? `${id}-${chosen.at}` : undefined}
        tabIndex={0}
        onKeyDown={walk.onKey}
      >
        {rows.length === 0 && <p className="trace-none soft">No span has this text.</p>}
        <div role="none" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const node = rows[item.index] as Node;
            return (
              <SpanRow
                key={node.id}
                id={`${id}-${node.at}`}
                node={node}
                top={item.start}
                view={view}
                own={props.path.get(node.at)}
                isChosen={node === chosen}
                isFound={hits.has(node.at)}
                isFolded={folded.has(node.id) && !find.trim()}
                onChoose={props.onChoose}
                onFold={walk.fold}
              />
            );
          })}
        </div>
      </div>
    </section>
  );
}

/** Where a span stands among the rows, which are in reading order; -1 where it is not shown. */
function rowOf(rows: readonly Node[], at: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = rows[middle]?.at ?? 0;
    if (found === at) return middle;
    if (found < at) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
