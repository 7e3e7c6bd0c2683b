/** Rows in columns, as many as there are: only those in sight are in the page.
 *
 * Keys: j and k or the arrows move, Enter opens, x chooses, Home and End go to the ends.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { type Binding, useEarlyKeys, useKeys } from "@/kit/keys";
import { root } from "@/kit/place";
import { kept } from "@/kit/project";
import { useResting } from "@/kit/resting";
import { type Standing, stand, stood } from "@/kit/standing";
import "./table.css";

export interface Column<Row> {
  name: string;
  /** A width of the grid: "120px", "minmax(120px, 2fr)". */
  width: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand at the right. */
  number?: boolean;
  /** A name that only readers hear: the cells say enough. */
  bare?: boolean;
  /** What a row is called: the link to it, where rows have an address. Else the first column is. */
  main?: boolean;
  /** Of a column by which rows can be sorted. */
  onSort?: () => void;
  sorted?: "ascending" | "descending" | undefined;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  onOpen?: ((row: Row) => void) | undefined;
  /** Where a row leads, for rows that are opened as pages: they are links, and `onOpen` is that. */
  href?: ((row: Row) => string) | undefined;
  /** Told of a row that is likely to be opened: keys or the pointer rest on it, or it is pressed. */
  onNear?: ((row: Row) => void) | undefined;
  /** Key of the row that is open beside the list: keys go on from there. */
  current?: string | undefined;
  /** Keys of the rows that are chosen, and what a change of them does. */
  chosen?: ReadonlySet<string> | undefined;
  onChoose?: ((row: Row) => void) | undefined;
  /** Called when the end comes into sight. */
  onEnd?: (() => void) | undefined;
  tone?: ((row: Row) => "error" | "new" | undefined) | undefined;
  /** Told whether the reader has left the top: by scrolling, or by moving to another row. */
  onAway?: ((away: boolean) => void) | undefined;
  /** What the rows are of, where that changes: another list begins at its top, and Back leads to
   * where the reader stood. */
  of?: string | undefined;
  empty?: ReactNode;
  rowHeight?: number;
}

const ROW_PX = 28;
const FIRST: Standing = { top: 0, at: 0, key: null };

export function Table<Row>(props: Props<Row>) {
  const { rows, columns, onEnd, href } = props;
  const [, go] = useLocation();
  const open = href ? (row: Row) => go(href(row)) : props.onOpen;
  const onOpen =
    open &&
    ((row: Row) => {
      note();
      open(row);
    });
  const main = href && (columns.find((one) => one.main) ?? columns.find((one) => !one.bare));
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const { of } = props;
  const isKept = of !== undefined;
  const [begun] = useState(() => (isKept && rows.length > 0 && stood()) || FIRST);
  const [active, setActive] = useState<Pick<Standing, "at" | "key">>(begun);
  const [opened, setOpened] = useState<string>();
  if (props.current !== opened) {
    setOpened(props.current);
    if (props.current !== undefined) setActive({ at: 0, key: props.current });
  }
  const [scrolled, setScrolled] = useState(false);
  const at = placeOf(active, rows, props.rowKey);
  const placed = (to: number) => {
    const row = rows[to];
    return { at: to, key: to > 0 && row ? props.rowKey(row) : null };
  };
  const note = (to = active) => {
    if (isKept) stand({ top: scroller.current?.scrollTop ?? 0, at: to.at, key: to.key });
  };
  const { onAway } = props;
  const away = scrolled || at > 0;
  useEffect(() => onAway?.(away), [away, onAway]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => props.rowHeight ?? ROW_PX,
    overscan: 2,
    scrollPaddingEnd: ROW_PX, // the head takes as much of what is in sight
    initialOffset: begun.top,
  });
  const shown = useRef(of);
  useLayoutEffect(() => {
    if (shown.current === of) return;
    shown.current = of;
    const { top, ...row } = stood() ?? FIRST;
    setActive(row);
    if (scroller.current) scroller.current.scrollTop = top;
  }, [of]);
  const items = virtual.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (onEnd && rows.length > 0 && lastSeen >= rows.length - 10) onEnd();
  }, [lastSeen, rows.length, onEnd]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(to, rows.length - 1));
    setActive(placed(next));
    note(placed(next));
    virtual.scrollToIndex(next);
  };
  const row = rows[at];
  const { onNear } = props;
  const rest = useResting(onNear);
  const near = row && props.rowKey(row);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the row is another when its key is
  useEffect(() => rest(row), [near, rest]);
  const isComing = rows.length === 0 && !props.empty;
  useEarlyKeys(isComing);
  const keys: Binding[] = [
    { keys: "j", does: "next row", run: () => move(at + 1) },
    { keys: "k", does: "row before", run: () => move(at - 1) },
    ...(onOpen ? [{ keys: "Enter", does: "open the row", run: () => row && onOpen(row) }] : []),
    ...(props.onChoose
      ? [{ keys: "x", does: "choose the row", run: () => row && props.onChoose?.(row) }]
      : []),
  ];
  useKeys(isComing ? [] : keys);
  const clicked = (event: React.MouseEvent, one: Row) => {
    const inner = (event.target as HTMLElement).closest("a, button, input, label");
    if (inner && !inner.classList.contains("table-link")) return;
    if (href && (event.ctrlKey || event.metaKey || event.button === 1)) {
      event.preventDefault();
      window.open(root + kept(href(one)), "_blank"); // as a link would, and with the key of this tab
    } else if (inner || event.button !== 0) return;
    else if (event.shiftKey && props.onChoose) props.onChoose(one);
    else onOpen?.(one);
  };
  const onKey = (event: React.KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  };
  const template = columns.map((column) => column.width).join(" ");
  const choosing = props.chosen && props.onChoose;
  return (
    <div
      ref={scroller}
      className="table"
      role="grid"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-multiselectable={choosing ? true : undefined}
      aria-activedescendant={row ? `${id}-${at}` : undefined}
      tabIndex={0}
      onKeyDown={onKey}
      onScroll={(event) => {
        if (onAway) setScrolled(event.currentTarget.scrollTop > 0);
        note();
      }}
    >
      <div
        className="table-head"
        role="row"
        aria-rowindex={1}
        style={{ gridTemplateColumns: template }}
        tabIndex={-1}
      >
        {columns.map((column) => (
          <Head key={column.name} column={column} />
        ))}
      </div>
      {rows.length === 0 && props.empty && (
        <div role="row" tabIndex={-1}>
          <div role="gridcell" tabIndex={-1}>
            {props.empty}
          </div>
        </div>
      )}
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const one = rows[item.index] as Row;
          const key = props.rowKey(one);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: Enter opens the active row
            <div
              key={key}
              id={`${id}-${item.index}`}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={choosing ? props.chosen?.has(key) : item.index === at}
              tabIndex={-1}
              className="table-row"
              data-active={item.index === at || undefined}
              data-tone={props.tone?.(one)}
              style={{
                gridTemplateColumns: template,
                height: item.size,
                transform: `translateY(${item.start}px)`,
              }}
              // before a link in it leads away; a state that is set here would undo a tick
              onClickCapture={() => note(placed(item.index))}
              onClick={(event) => {
                setActive(placed(item.index));
                clicked(event, one);
              }}
              onMouseDown={href && keepStill}
              onPointerEnter={onNear && (() => rest(one))}
              onPointerLeave={onNear && (() => rest(undefined))}
              onPointerDown={onNear && (() => onNear(one))}
              onAuxClick={href && ((event) => clicked(event, one))}
            >
              {columns.map((column) => (
                <div
                  key={column.name}
                  role="gridcell"
                  tabIndex={-1}
                  className={column.number ? "cut number" : "cut"}
                >
                  {href && column === main ? (
                    <Link className="table-link" href={href(one)} tabIndex={-1}>
                      {column.cell(one)}
                    </Link>
                  ) : (
                    column.cell(one)
                  )}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The middle button opens, and does not scroll. */
function keepStill(event: React.MouseEvent) {
  if (event.button === 1) event.preventDefault();
}

/** Where the active row is now: rows may have come above it. The first place is whatever is newest. */
function placeOf<Row>(
  active: { at: number; key: string | null },
  rows: readonly Row[],
  key: (row: Row) => string,
): number {
  const there = rows[active.at];
  if (active.key === null || (there && key(there) === active.key)) return active.at;
  const found = rows.findIndex((row) => key(row) === active.key);
  return found < 0 ? Math.min(active.at, Math.max(rows.length - 1, 0)) : found;
}

function Head<Row>({ column }: { column: Column<Row> }) {
  return (
    <div
      role="columnheader"
      tabIndex={-1}
      aria-sort={column.sorted}
      className={column.number ? "cut number" : "cut"}
    >
      {column.onSort ? (
        <button type="button" onClick={column.onSort}>
          {column.name}
          {column.sorted ? (column.sorted === "ascending" ? " ↑" : " ↓") : ""}
        </button>
      ) : (
        <span className={column.bare ? "unseen" : ""} title={column.bare ? undefined : column.name}>
          {column.name}
        </span>
      )}
    </div>
  );
}
