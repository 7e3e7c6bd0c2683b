import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, Problem } from "@/api/client";
import { soon } from "@/api/tree";
import { both, has, LIVE, toggled } from "@/kit/filters";
import { count } from "@/kit/format";
import { kept, useKept } from "@/kit/kept";
import { useKeys } from "@/kit/keys";
import { remember } from "@/kit/neighbours";
import { condition } from "@/kit/ranges";
import { step, useParam, useStep } from "@/kit/state";
import { joined } from "@/kit/tail";
import { Begin } from "@/parts/begin";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { FilterBar } from "@/parts/filter-bar";
import { Frame } from "@/parts/frame";
import { Table } from "@/parts/table";
import { tick } from "@/parts/tick";
import { TimeRange, useRange } from "@/parts/time-range";
import { LIVE_ROOTS, useVolume, VolumeBars } from "@/parts/volume";
import { useChoice } from "./list-choice";
import { Chosen } from "./list-chosen";
import {
  ColumnChoice,
  columnsOf,
  type Row,
  type Sort,
  unseenSort,
  useColumns,
  useSort,
} from "./list-columns";
import { Export } from "./list-export";
import { Facets } from "./list-facets";
import { useTail } from "./list-tail";
import { openUsual, usualView, Views } from "./list-views";
import "./list.css";

const WIDE = 1_100;
/** Some three windows of rows: the first answer is what somebody waits for. */
const PAGE = 100;
const key = (row: Row) => row.trace_id;

export default function Traces() {
  useState(() => openUsual(kept(usualView())));
  const [filter, setFilter] = useStep("filter");
  const [range, setRange] = useRange();
  const [saidLive] = useParam("live");
  const [columns, setColumns] = useColumns();
  const [sort, setSort] = useSort(columns);
  // what is recorded now has no place in a list that is sorted otherwise
  const live = saidLive === "1" && sort === "start";
  const [facets, setFacets] = useKept("traces.facets", innerWidth < WIDE ? "no" : "yes");
  const [away, setAway] = useState(false);
  const [paused, setPaused] = useState(false);
  const asked = both(filter, condition(range));
  const found = useTraces(asked, sort);
  const { chosen, choose, toggle } = useChoice(found.isFetched);
  const tail = useTail(asked, live, paused || away || chosen.size > 0);
  const rest = { on: found.isFetched }; // what else is on the page is asked for after the list
  const isOf = filter ? "calls of applications" : "runs of experiments and probes as well";
  const isAll = filter === "" || filter === LIVE;
  const volume = useVolume(filter === LIVE ? LIVE_ROOTS : filter, range, {
    ...rest,
    // who follows looks at what is new
    ...(live ? (paused ? {} : { every: 5_000 }) : { whole: true }),
  });
  const listed = found.data?.pages.flatMap((page) => page.data) ?? [];
  const rows = joined(tail.rows, listed, key);
  useEffect(() => remember(rows.map(key), location.search));
  const withoutRuns = () => setFilter(toggled(filter, LIVE));
  useKeys([
    {
      keys: "f",
      does: "show or hide values",
      run: () => setFacets(facets === "yes" ? "no" : "yes"),
    },
    { keys: "r", does: "leave out what experiments and probes asked, or not", run: withoutRuns },
    { keys: "l", does: "follow what is recorded, or stop", run: () => follow(!live) },
    ...(live
      ? [
          { keys: "p", does: "pause following, or go on", run: () => setPaused(!paused) },
          { keys: "n", does: "show the new traces", run: tail.show },
        ]
      : []),
  ]);
  const toggleRow = (row: Row) => toggle(key(row));
  const wrong = found.error instanceof Problem && found.error.status === 400;
  const onEnd =
    found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined;
  return (
    <Frame
      title="Traces"
      note={
        live ? (
          <Following tail={tail} paused={paused} />
        ) : (
          [isAll && isOf, unseenSort(columns, sort)].filter(Boolean).join(" · ")
        )
      }
      actions={
        <>
          <Button
            aria-pressed={facets === "yes"}
            onClick={() => setFacets(facets === "yes" ? "no" : "yes")}
          >
            Values <kbd>f</kbd>
          </Button>
          <Views />
          <ColumnChoice names={columns} onChange={setColumns} />
          <Export filter={asked} label="Export" note="Everything that the filter finds." />
        </>
      }
      bar={
        <>
          <FilterBar value={filter} onChange={setFilter} error={found.error} />
          <TimeRange
            range={range}
            shown={volume.data?.ends ?? null}
            any="Any time"
            onChange={setRange}
          />
          <Button aria-pressed={has(filter, LIVE)} onClick={withoutRuns}>
            Without runs <kbd>r</kbd>
          </Button>
          <Button aria-pressed={live} onClick={() => follow(!live)}>
            Live <kbd>l</kbd>
          </Button>
          {live && (
            <Button aria-pressed={paused} onClick={() => setPaused(!paused)}>
              {paused ? "Go on" : "Pause"} <kbd>p</kbd>
            </Button>
          )}
        </>
      }
    >
      {volume.data && (
        <div className="traces-volume">
          <VolumeBars
            volume={volume.data}
            label={isAll ? "Traces" : "Matching spans"}
            onPick={setRange}
            onRange={setRange}
          />
        </div>
      )}
      {chosen.size > 0 && (
        <Chosen
          ids={[...chosen]}
          loaded={rows.length}
          onAll={() => choose(rows.map(key))}
          onNone={() => choose([])}
        />
      )}
      {found.error && !wrong && <Failure error={found.error} again={() => void found.refetch()} />}
      <div className="traces-body">
        {facets === "yes" && (
          <Facets {...rest} filter={filter} asked={asked} onChange={setFilter} />
        )}
        <div className="traces-list">
          {tail.waiting > 0 && (
            <Button className="traces-new" onClick={tail.show}>
              {count(tail.waiting)} new <kbd>n</kbd>
            </Button>
          )}
          <Table
            label="Traces"
            columns={[
              tick((row) => chosen.has(key(row)), toggleRow),
              ...columnsOf(columns, sort, setSort),
            ]}
            rows={rows}
            rowKey={key}
            href={(row) => `/traces/${key(row)}`}
            onNear={live ? undefined : soon}
            chosen={chosen}
            onChoose={toggleRow}
            onEnd={onEnd}
            onAway={setAway}
            of={`${asked} ${sort}`}
            empty={found.isSuccess && <None asked={asked} />}
          />
        </div>
      </div>
    </Frame>
  );
}

function useTraces(filter: string, sort: Sort) {
  return useInfiniteQuery({
    queryKey: ["traces", filter, sort],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/traces", { query: { filter, limit: PAGE, page: pageParam, sort }, signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before) => before,
  });
}

function follow(on: boolean): void {
  // what is recorded from now on is not in a period that is over
  step(on ? { live: "1", until: "", sort: "" } : { live: "" });
}

function Following({ tail, paused }: { tail: ReturnType<typeof useTail>; paused: boolean }) {
  const state = paused ? "paused" : tail.on ? "following" : "not heard: asking again";
  return (
    <span role="status">
      {state}
      {tail.missed > 0 && ` · ${count(tail.missed)} spans passed over`}
    </span>
  );
}

function None({ asked }: { asked: string }) {
  if (asked)
    return <Empty title="No trace matches">Widen the period, or take a condition out.</Empty>;
  return <Begin title="No trace yet" />;
}
