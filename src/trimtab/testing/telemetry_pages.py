"""The part of the telemetry contract that is about lists: their order and their pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import get_args

import pytest
from msgspec.structs import replace

from trimtab.ports import (
    GroupField,
    ScoreQuery,
    SpanQuery,
    TelemetryStore,
    TraceSort,
    TraceSummary,
)
from trimtab.records import Condition, Score, Span
from trimtab.testing.telemetry_answers import (
    attributed,
    by_trace,
    cost,
    grouped,
    newest_first,
    tokens,
)


class TelemetryPageContract:
    def test_pages_join_up_to_the_whole_list(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, _ = told
        listed: list[str] = []
        query = SpanQuery(limit=37)
        while page := store.spans(query):
            listed += [span.span_id for span in page]
            query = replace(query, page=(page[-1].start_ns, page[-1].span_id))
        assert listed == newest_first(spans)

        traces: list[str] = []
        query = SpanQuery(limit=7)
        while some := store.traces(query):
            traces += [trace.trace_id for trace in some]
            query = replace(query, page=(some[-1].start_ns, some[-1].trace_id))
        starts = {key: min(s.start_ns for s in own) for key, own in by_trace(spans).items()}
        assert traces == sorted(starts, key=lambda key: (-starts[key], key))

    @pytest.mark.parametrize("sort", get_args(TraceSort))
    def test_traces_are_sorted_and_their_pages_join_up(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]], sort: TraceSort
    ) -> None:
        measured = {key: _measure(own, sort) for key, own in by_trace(told[0]).items()}
        newest = {trace.trace_id: trace for trace in store.traces(SpanQuery(limit=10_000))}
        listed: list[TraceSummary] = []
        query = SpanQuery(limit=7, sort=sort)
        while some := store.traces(query):
            listed += some
            query = replace(query, page=(some[-1].place(sort), some[-1].trace_id))
        in_order = sorted(measured, key=lambda key: (-measured[key], key))
        assert listed == [newest[key] for key in in_order]

    @pytest.mark.parametrize("by", ["user", "model"])
    def test_groups_are_sorted_by_what_is_asked(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]], by: GroupField
    ) -> None:
        expected = grouped(attributed(told[0]), by)
        sorts: tuple[TraceSort, ...] = ("cost", "tokens", "spans", "errors")
        for sort in sorts:
            found = [group.key for group in store.groups(SpanQuery(limit=100, sort=sort), by)]
            measures = [_measure(expected[key], sort) for key in found]
            assert measures == sorted(measures, reverse=True)
            assert set(found) == set(expected)

    def test_scores_of_several_traces_are_asked_for_at_once(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        judged = [score.target.trace_id or score.target.id for score in told[1]]
        some = sorted(set(judged))[::2]
        found = store.scores(ScoreQuery(trace_ids=(*some, "f" * 32), limit=10_000))
        assert {score.target.trace_id or score.target.id for score in found} == set(some)
        assert len(found) == sum(trace_id in some for trace_id in judged)

    def test_a_thousand_traces_are_asked_for_by_their_ids(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        some = sorted(by_trace(told[0]))[:5]
        ids = (*some, *(f"{n:032x}" for n in range(1, 1_000)))
        query = SpanQuery(where=Condition(field="trace_id", op="=", values=ids), limit=10_000)
        assert sorted(trace.trace_id for trace in store.traces(query)) == some
        spans = {span.span_id for key in some for span in by_trace(told[0])[key]}
        assert {span.span_id for span in store.spans(query)} == spans

    @pytest.mark.usefixtures("told")
    def test_sorted_traces_are_those_of_the_period_and_the_filter(
        self, store: TelemetryStore
    ) -> None:
        starts = sorted(trace.start_ns for trace in store.traces(SpanQuery(limit=10_000)))
        since, until = starts[len(starts) // 4], starts[3 * len(starts) // 4]
        query = SpanQuery(
            since_ns=since,
            until_ns=until,
            where=Condition(field="status", op="=", values=("error",)),
            limit=10_000,
        )
        newest = store.traces(query)
        assert newest
        longest = store.traces(replace(query, sort="duration"))
        assert longest == sorted(newest, key=lambda each: (-each.place("duration"), each.trace_id))


def _measure(spans: Sequence[Span], sort: TraceSort) -> Decimal | int:
    """What a list goes by, from the spans of a trace."""
    start, end = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    paid = cost(spans)
    measures: dict[TraceSort, Decimal | int] = {
        "start": start,
        "duration": end - start,
        "cost": Decimal(-1) if paid is None else paid,
        "tokens": sum(tokens(spans)),
        "spans": len(spans),
        "errors": sum(span.status == "error" for span in spans),
    }
    return measures[sort]
