"""The reading half of the telemetry contract: lists, filters, order and figures.

Expected figures are computed here from the records themselves.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pytest
from msgspec.structs import replace

from trimtab.kit import ids
from trimtab.ports import (
    Erasure,
    HourBucket,
    ProjectTraffic,
    RouteSpan,
    ScoreQuery,
    ScoreSummary,
    SpanQuery,
    TelemetryStore,
)
from trimtab.records import Condition, Score, Span, Target, Usage
from trimtab.records.span import GATEWAY

T = TypeVar("T")

HOUR_NS = 3_600_000_000_000
MS = 1_000_000
NOON = 500_000 * HOUR_NS
APART = round(math.sqrt(2) / 8, 12)  # the standard deviation of 0.25 and 0.5


def sample_span(**changes: Any) -> Span:
    """A model call of its own trace, at noon, for 20 ms."""
    span = Span(
        trace_id=ids.trace_id(),
        span_id=ids.span_id(),
        name="chat",
        kind="llm",
        start_ns=NOON,
        end_ns=NOON + 20 * MS,
        status="ok",
        model="model-a",
        usage=Usage(input=10, output=5),
        cost_usd=Decimal("0.000125000"),
        input=[{"role": "user", "content": "What is a trim tab?"}],
        output=[{"role": "assistant", "content": "A small surface."}],
    )
    return replace(span, **changes)


def sample_score(**changes: Any) -> Score:
    target = Target(kind="span", id=ids.span_id(), trace_id=ids.trace_id())
    score = Score(score_id=ids.uuid7(), target=target, name="exact", value=1.0, time_ns=NOON)
    return replace(score, **changes)


class Dice:
    """Reproducible choices."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def below(self, bound: int) -> int:
        return int(self._generator.integers(bound))

    def pick(self, *options: T) -> T:
        return options[self.below(len(options))]


def random_traces(count: int, dice: Dice) -> list[Span]:
    """Traces of 1 to 40 spans that overlap in time, some without a root, in no order."""
    spans: list[Span] = []
    for _ in range(count):
        trace_id, root_id = ids.trace_id(), ids.span_id()
        start = NOON + dice.below(2_000) * MS
        for position in range(dice.pick(1, 2, 5, 40)):
            later = start + position * dice.below(200) * MS
            span = sample_span(
                trace_id=trace_id,
                span_id=ids.span_id() if position else root_id,
                parent_id=root_id if position or not dice.below(5) else None,
                name=f"span {position}",
                kind=dice.pick("llm", "tool", "chain"),
                start_ns=later,
                end_ns=later + (1 + dice.below(900)) * MS,
                status=dice.pick("ok", "ok", "ok", "error"),
                route=dice.pick("docs", "chat", None),
                cost_usd=dice.pick(None, Decimal(dice.below(10**6)).scaleb(-9)),
            )
            spans.insert(dice.below(len(spans) + 1), span)
    return spans


class TelemetryReadContract:
    # -- spans ---------------------------------------------------------------------------------

    def test_a_trace_is_its_spans_by_start(self, store: TelemetryStore) -> None:
        first = sample_span(start_ns=1)
        rest = [sample_span(trace_id=first.trace_id, start_ns=n) for n in (3, 2, 9)]
        store.append([*rest, first, sample_span()]).result(timeout=60)
        assert [span.start_ns for span in store.trace("default", first.trace_id)] == [1, 2, 3, 9]

    def test_a_trace_of_another_project_is_empty(self, store: TelemetryStore) -> None:
        span = sample_span(project="theirs")
        store.append([span]).result(timeout=60)
        assert store.trace("default", span.trace_id) == []
        assert store.trace("theirs", span.trace_id) == [span]

    def test_an_unknown_trace_is_empty(self, store: TelemetryStore) -> None:
        assert store.trace("default", ids.trace_id()) == []

    def test_spans_come_newest_first_up_to_the_limit(self, store: TelemetryStore) -> None:
        spans = [sample_span(start_ns=n) for n in range(20)]
        store.append(spans).result(timeout=60)
        assert store.spans(SpanQuery(limit=5)) == spans[:-6:-1]
        assert store.spans(SpanQuery(limit=100)) == spans[::-1]
        assert store.spans(SpanQuery(limit=0)) == []

    @pytest.mark.parametrize(
        ("filters", "changes"),
        [
            ({"route": "docs"}, {"route": "docs"}),
            ({"release": "r1"}, {"release": "r1"}),
            ({"run": "run-1"}, {"run": "run-1"}),
            ({"kind": "tool"}, {"kind": "tool"}),
            ({"trace_id": "t" * 32}, {"trace_id": "t" * 32}),
            ({"project": "mine"}, {"project": "mine"}),
            ({"since_ns": NOON + 5}, {"start_ns": NOON + 5}),
            ({"until_ns": NOON}, {"start_ns": NOON - 1}),
            ({"route": "d'ocs $route", "kind": "tool"}, {"route": "d'ocs $route", "kind": "tool"}),
        ],
        ids=str,
    )
    def test_every_filter_keeps_what_matches_and_nothing_else(
        self, store: TelemetryStore, filters: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        wanted = sample_span(**changes)
        store.append([sample_span(), wanted, sample_span(route="other")]).result(timeout=60)
        query = SpanQuery(**filters)
        assert store.spans(query) == [wanted]
        assert [trace.trace_id for trace in store.traces(query)] == [wanted.trace_id]

    def test_spans_after_a_place_come_in_order_of_arrival(self, store: TelemetryStore) -> None:
        arrived = []
        for number in range(30):
            project = "other" if number % 3 else "default"
            span = sample_span(start_ns=NOON - number, project=project)
            store.append([span]).result(timeout=60)
            arrived.append(span)
        seen, cursor = [], 0
        while batch := store.spans_after(cursor, limit=7):
            assert len(batch) <= 7
            assert cursor < batch[0].seq
            assert all(one.seq < other.seq for one, other in pairwise(batch))
            seen += [item.span for item in batch]
            cursor = batch[-1].seq
        assert seen == arrived

    def test_spans_that_arrive_later_come_after_every_earlier_place(
        self, store: TelemetryStore
    ) -> None:
        store.append([sample_span()]).result(timeout=60)
        cursor = store.spans_after(0, limit=10)[-1].seq
        assert store.spans_after(cursor, limit=10) == []
        late = sample_span(start_ns=1)
        store.append([late]).result(timeout=60)
        assert [item.span for item in store.spans_after(cursor, limit=10)] == [late]

    @pytest.mark.parametrize(
        "changes",
        [
            {"parent_id": "p" * 16},
            {"run": "run-1"},
            {"status": "error"},
            {"kind": "tool"},
            {"kind": "llm", "route": None, "model": None},
        ],
        ids=str,
    )
    def test_what_is_no_live_call_can_be_passed_over(
        self, store: TelemetryStore, changes: dict[str, Any]
    ) -> None:
        call = sample_span(kind="llm", route="docs", run=None)
        others = [sample_span(**({"kind": "llm", "run": None} | changes)) for _ in range(3)]
        assert store.before_next_call(0) == 0
        for span in (others[0], others[1], call, others[2]):
            store.append([span]).result(timeout=60)
        arrived = store.spans_after(0, limit=10)
        place = store.before_next_call(0)
        assert arrived[1].seq <= place < arrived[2].seq
        assert store.spans_after(place, limit=1)[0].span == call
        assert store.before_next_call(arrived[2].seq) == arrived[3].seq

    def test_the_calls_of_a_route_are_read_in_order_without_their_payloads(
        self, store: TelemetryStore
    ) -> None:
        calls = [
            sample_span(
                kind="chain", route="docs", service=GATEWAY, session=f"s{n}", start_ns=NOON + n
            )
            for n in range(5)
        ]
        model = sample_span(
            trace_id=calls[0].trace_id,
            parent_id=calls[0].span_id,
            route="docs",
            service=GATEWAY,
            release="r1",
            usage=Usage(input=1, output=1),
            cost_usd=None,
            start_ns=NOON,
        )
        others = [
            sample_span(route="other", service=GATEWAY),
            sample_span(route="docs"),
            sample_span(route="docs", service=GATEWAY, run="run-1"),
            sample_span(route="docs", service=GATEWAY, project="other"),
            sample_span(route="docs", service=GATEWAY, start_ns=NOON - 1),
        ]
        for batch in ([calls[0], model], others, calls[1:]):
            store.append(batch).result(timeout=60)
        found: list[RouteSpan] = []
        while page := store.route_spans(
            "default", "docs", after=found[-1].seq if found else 0, since_ns=NOON, limit=4
        ):
            found += page
        assert [one.span_id for one in found] == [
            one.span_id for one in (calls[0], model, *calls[1:])
        ]
        assert [one.seq for one in found] == sorted(one.seq for one in found)
        assert found[1].parent_id == calls[0].span_id
        assert (found[1].release, found[1].cost_usd, found[1].unpriced) == ("r1", None, True)
        assert (found[0].session, found[0].unpriced) == ("s0", False)
        assert found[0].duration_ns == calls[0].end_ns - calls[0].start_ns

    def test_the_scores_of_a_route_are_read_with_whose_calls_they_are_about(
        self, store: TelemetryStore
    ) -> None:
        calls = [
            sample_span(route="docs", service=GATEWAY, release=f"r{n}", user="ada")
            for n in range(3)
        ]
        late = sample_span(route="docs", service=GATEWAY, start_ns=NOON - 1)
        store.append([*calls, late]).result(timeout=60)
        about = [
            Target(kind="span", id=calls[0].span_id, trace_id=calls[0].trace_id),
            Target(kind="trace", id=calls[1].trace_id),
            Target(kind="trace", id=calls[2].trace_id, trace_id=calls[2].trace_id),
            Target(kind="trace", id=late.trace_id),
        ]
        scores = [
            Score(score_id=f"s{n}", target=one, name="helpful", value=n / 4, time_ns=NOON + n)
            for n, one in enumerate(about)
        ]
        failed = replace(scores[0], score_id="failed", status="error", value=None)
        other = replace(scores[0], score_id="other", name="other")
        store.append(scores=[*scores, failed, other]).result(timeout=60)

        def read(after_ns: int) -> list[tuple[str, float | None, str | None]]:
            found = store.route_scores(
                "default", "docs", "helpful", since_ns=NOON, after_ns=after_ns, limit=10
            )
            assert {one.user for one in found} <= {"ada"}
            return [(one.score_id, one.value, one.release) for one in found]

        assert read(0) == [("s0", 0.0, "r0"), ("s1", 0.25, "r1"), ("s2", 0.5, "r2")]
        assert read(NOON + 1) == [("s1", 0.25, "r1"), ("s2", 0.5, "r2")]

    def test_spans_are_counted_by_project_and_in_all(self, store: TelemetryStore) -> None:
        assert store.span_count() == 0
        spans = [sample_span(), sample_span(), sample_span(project="other")]
        store.append(spans).result(timeout=60)
        assert store.span_count() == 3
        assert store.span_count("default") == 2
        assert store.span_count("nobody's") == 0

    def test_projects_are_told_from_what_is_left_of_live_traffic(
        self, store: TelemetryStore
    ) -> None:
        assert store.projects() == []
        gone = [sample_span(project="gone", start_ns=NOON + n * HOUR_NS) for n in range(2)]
        late = sample_span(start_ns=NOON + 3 * HOUR_NS + 5, session="late")
        spans = [sample_span(), sample_span(kind="tool"), late, *gone]
        others = [sample_span(project="theirs", kind="chain"), sample_span(project="r", run="r")]
        store.append([*spans, *others]).result(timeout=60)
        theirs = ProjectTraffic("theirs", 1, 0, NOON)
        told = [
            ProjectTraffic("default", 3, 2, NOON + 3 * HOUR_NS),
            ProjectTraffic("gone", 2, 2, NOON + HOUR_NS),
            theirs,
        ]
        assert store.projects() == told
        store.compact()
        assert store.projects() == told
        store.erase(Erasure(project="gone", before_ns=NOON + 9 * HOUR_NS))
        store.erase(Erasure(project="default", sessions=("late",)))
        assert store.projects() == [ProjectTraffic("default", 2, 1, NOON), theirs]

    # -- traces --------------------------------------------------------------------------------

    def test_a_trace_is_listed_as_its_root_with_sums_over_its_spans(
        self, store: TelemetryStore
    ) -> None:
        root = sample_span(
            name="answer",
            kind="chain",
            model=None,
            usage=None,
            cost_usd=None,
            user="ada",
            session="s1",
            status="error",
            error="tool failed",
            input=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
            output="Because.",
        )
        usage = Usage(input=1, cache_read=2, audio_input=3, output=4, reasoning=5)
        common = {"trace_id": root.trace_id, "parent_id": root.span_id, "usage": usage}
        priced = sample_span(**common, start_ns=NOON + 1, route="docs", release="r1")
        unpriced = sample_span(**common, start_ns=NOON + 2, model="model-b", cost_usd=None)
        tool = sample_span(**common, kind="tool", cost_usd=None, end_ns=NOON + 50 * MS)
        store.append([tool, unpriced, priced, root]).result(timeout=60)
        [summary] = store.traces(SpanQuery())
        assert (summary.trace_id, summary.name) == (root.trace_id, "answer")
        assert (summary.start_ns, summary.duration_ms) == (NOON, 50.0)
        assert (summary.status, summary.error) == ("error", "tool failed")
        assert (summary.user, summary.session) == ("ada", "s1")
        assert (summary.route, summary.release) == ("docs", "r1")
        assert summary.model == "model-a"
        assert (summary.spans, summary.unpriced, summary.errors) == (4, 1, 1)
        assert (summary.input_tokens, summary.output_tokens) == (18, 27)
        assert summary.cost_usd == priced.cost_usd
        assert (summary.input_preview, summary.output_preview) == ("Why?", "Because.")
        assert not summary.partial

    def test_a_trace_without_its_root_is_partial(self, store: TelemetryStore) -> None:
        early = sample_span(parent_id=ids.span_id(), name="early", cost_usd=None)
        late = sample_span(trace_id=early.trace_id, parent_id=early.span_id, start_ns=NOON + 1)
        store.append([late, early]).result(timeout=60)
        [summary] = store.traces(SpanQuery())
        assert (summary.name, summary.partial, summary.spans) == ("early", True, 2)

    def test_a_trace_that_nothing_prices_has_no_cost(self, store: TelemetryStore) -> None:
        store.append([sample_span(cost_usd=None)]).result(timeout=60)
        assert store.traces(SpanQuery())[0].cost_usd is None

    def test_previews_are_short(self, store: TelemetryStore) -> None:
        store.append([sample_span(input="😀" * 1_000, output=None)]).result(timeout=60)
        [summary] = store.traces(SpanQuery())
        assert (summary.input_preview, summary.output_preview) == ("😀" * 200, "")

    def test_lists_of_traces_agree_with_a_plain_computation(self, store: TelemetryStore) -> None:
        spans = random_traces(150, Dice(11))
        for start in range(0, len(spans), 500):
            store.append(spans[start : start + 500]).result(timeout=60)
        middle = NOON + 1_000 * MS
        for filters in (
            {},
            {"limit": 1_000},
            {"limit": 3},
            {"route": "docs", "kind": "llm", "limit": 20},
            {"since_ns": middle, "limit": 1_000},
            {"until_ns": middle, "limit": 10},
            {"since_ns": middle - 300 * MS, "until_ns": middle, "route": "chat"},
            {"since_ns": 0, "limit": 7},
        ):
            query = SpanQuery(**filters)
            found = store.traces(query)
            assert [_gist(trace) for trace in found] == _expected_traces(spans, query)

    # -- scores --------------------------------------------------------------------------------

    def test_scores_are_filtered_by_everything_a_query_names(self, store: TelemetryStore) -> None:
        span = Target(kind="span", id="s" * 16, trace_id="t" * 32)
        scores = [
            sample_score(score_id="span", target=span, name="f1", time_ns=NOON + 5),
            sample_score(score_id="trace", target=Target(kind="trace", id="t" * 32), time_ns=1),
            sample_score(score_id="run", run="run-1", time_ns=NOON - 1),
            sample_score(score_id="human", source="human", time_ns=NOON - 2),
            sample_score(score_id="theirs", project="other", time_ns=NOON + 9),
        ]
        store.append(scores=scores).result(timeout=60)

        def found(**filters: Any) -> list[str]:
            return [score.score_id for score in store.scores(ScoreQuery(**filters))]

        assert found() == ["span", "run", "human", "trace"]
        assert found(limit=2) == ["span", "run"]
        assert found(target=span) == ["span"]
        assert found(target=Target(kind="span", id="s" * 16)) == ["span"]
        assert found(target=Target(kind="span", id="s" * 16, trace_id="u" * 32)) == []
        assert found(trace_ids=("t" * 32,)) == ["span", "trace"]
        assert found(run="run-1") == ["run"]
        assert found(name="f1") == ["span"]
        assert found(source="human") == ["human"]
        assert found(since_ns=NOON - 1) == ["span", "run"]
        assert found(project="other") == ["theirs"]

    # -- overview ------------------------------------------------------------------------------

    def test_the_overview_agrees_with_a_plain_computation(self, store: TelemetryStore) -> None:
        dice = Dice(3)
        spans = [
            replace(span, start_ns=start, end_ns=start + 1 + dice.below(10**10))
            for span in random_traces(60, dice)
            for start in [NOON - HOUR_NS + dice.below(6 * HOUR_NS)]
        ]
        since, until = NOON + 7, NOON + 4 * HOUR_NS + 7
        store.append([*spans, sample_span(project="other")]).result(timeout=60)
        overview = store.overview("default", since_ns=since, until_ns=until)

        inside = [span for span in spans if since <= span.start_ns < until]
        calls = [span for span in inside if span.kind == "llm"]
        assert (overview.spans, overview.calls) == (len(inside), len(calls))
        assert overview.traces == sum(span.parent_id is None for span in inside)
        assert overview.errors == sum(span.status == "error" for span in calls)
        assert overview.input_tokens == 10 * len(calls)
        assert overview.output_tokens == 5 * len(calls)
        assert overview.cost_usd == _total_cost(calls)
        assert overview.unpriced == sum(span.is_unpriced for span in calls)
        latencies = (overview.latency_p50_ms, overview.latency_p95_ms, overview.latency_p99_ms)
        ranked = sorted(span.duration_ms for span in calls)
        expected = [ranked[math.ceil(q * len(ranked)) - 1] for q in (0.5, 0.95, 0.99)]
        np.testing.assert_allclose(np.array(latencies, dtype=float), expected, rtol=0.01)

        assert [hour.start_ns for hour in overview.hours] == [NOON + n * HOUR_NS for n in range(5)]
        for hour in overview.hours:
            here = [call for call in calls if call.start_ns // HOUR_NS == hour.start_ns // HOUR_NS]
            errors = sum(call.status == "error" for call in here)
            assert (hour.calls, hour.errors) == (len(here), errors)
            assert hour.traces == sum(
                span.parent_id is None and span.start_ns // HOUR_NS == hour.start_ns // HOUR_NS
                for span in inside
            )
            assert hour.cost_usd == _total_cost(here)

    def test_the_overview_of_an_empty_period_has_hours_and_no_latency(
        self, store: TelemetryStore
    ) -> None:
        store.append([sample_span()]).result(timeout=60)
        overview = store.overview("default", since_ns=0, until_ns=2 * HOUR_NS)
        assert (overview.traces, overview.spans, overview.calls, overview.errors) == (0, 0, 0, 0)
        assert (overview.cost_usd, overview.unpriced) == (Decimal(0), 0)
        assert overview.latency_p50_ms is None
        assert overview.latency_p99_ms is None
        empty = HourBucket(start_ns=0, traces=0, calls=0, errors=0, cost_usd=Decimal(0))
        assert overview.hours == (empty, replace(empty, start_ns=HOUR_NS))
        assert overview.scores == ()

    def test_a_long_period_lists_only_hours_with_calls_or_traces(
        self, store: TelemetryStore
    ) -> None:
        tool = sample_span(kind="tool", start_ns=1)
        below = sample_span(kind="tool", start_ns=2 * HOUR_NS, parent_id=tool.span_id)
        store.append([sample_span(), tool, below]).result(timeout=60)
        overview = store.overview("default", since_ns=0, until_ns=NOON * 2)
        assert [hour.start_ns for hour in overview.hours] == [0, NOON]
        assert [(hour.traces, hour.calls) for hour in overview.hours] == [(1, 0), (1, 1)]

    def test_scores_are_summed_up_by_name_and_source(self, store: TelemetryStore) -> None:
        missing = {"value": None, "status": "unscored", "reason": "missing: context"}
        scores = [
            sample_score(name="f1", value=0.25),
            sample_score(name="f1", value=0.5),
            sample_score(name="f1", **missing),
            sample_score(name="f1", source="human", value=None, passed=True),
            sample_score(name="f1", source="human", value=None, passed=False),
            sample_score(name="tone", value=None, label="warm"),
            sample_score(name="f1", value=1.0, time_ns=NOON + HOUR_NS),
            sample_score(name="f1", value=1.0, project="other"),
        ]
        store.append(scores=scores).result(timeout=60)
        overview = store.overview("default", since_ns=NOON, until_ns=NOON + HOUR_NS)
        f1 = ScoreSummary(
            name="f1", source="code", total=3, scored=2, mean=0.375, passed=None, deviation=APART
        )
        human = replace(f1, source="human", total=2, mean=None, passed=1, deviation=None)
        tone = replace(human, name="tone", source="code", total=1, scored=1, passed=None)
        assert _rounded(overview.scores) == [f1, human, tone]

    def test_scores_are_summed_up_over_the_traces_of_matching_spans(
        self, store: TelemetryStore
    ) -> None:
        ann, bob = sample_span(user="ann"), sample_span(user="bob", start_ns=NOON - HOUR_NS)
        of_trace = Target(kind="trace", id=ann.trace_id)
        of_span = Target(kind="span", id=ann.span_id, trace_id=ann.trace_id)
        scores = [
            sample_score(name="f1", value=0.25, target=of_trace),
            sample_score(name="f1", value=0.5, target=of_span, time_ns=NOON + 9 * HOUR_NS),
            sample_score(name="f1", value=0.0, target=of_span, run="run-1"),
            sample_score(name="f1", value=1.0, target=Target(kind="trace", id=bob.trace_id)),
        ]
        store.append([ann, bob], scores).result(timeout=60)
        f1 = ScoreSummary(
            name="f1", source="code", total=2, scored=2, mean=0.375, passed=None, deviation=APART
        )
        alone = replace(f1, total=1, scored=1, mean=1.0, deviation=None)
        user = Condition(field="user", values=("ann",))
        assert _rounded(store.score_summaries(SpanQuery(where=user))) == [f1]
        assert _rounded(store.score_summaries(SpanQuery(until_ns=NOON))) == [alone]
        assert [one.total for one in store.score_summaries(SpanQuery())] == [3]
        assert store.score_summaries(SpanQuery(project="other")) == []


def _rounded(scores: Iterable[ScoreSummary]) -> list[ScoreSummary]:
    return [replace(one, deviation=one.deviation and round(one.deviation, 12)) for one in scores]


def _total_cost(spans: Sequence[Span]) -> Decimal:
    return sum((span.cost_usd for span in spans if span.cost_usd is not None), Decimal(0))


def _expected_traces(spans: Sequence[Span], query: SpanQuery) -> list[tuple[Any, ...]]:
    """What a list of traces should say, from the spans themselves."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    found = []
    for trace_id, members in traces.items():
        start = min(span.start_ns for span in members)
        fits = (query.since_ns is None or start >= query.since_ns) and (
            query.until_ns is None or start < query.until_ns
        )
        matches = any(
            query.route in (None, span.route) and query.kind in (None, span.kind)
            for span in members
        )
        if fits and matches:
            end = max(span.end_ns for span in members)
            priced = any(span.cost_usd is not None for span in members)
            cost = _total_cost(members) if priced else None
            partial = all(span.parent_id is not None for span in members)
            found.append((-start, trace_id, (end - start) / 1e6, len(members), cost, partial))
    return sorted(found)[: query.limit]


def _gist(trace: Any) -> tuple[Any, ...]:
    return (
        -trace.start_ns,
        trace.trace_id,
        trace.duration_ms,
        trace.spans,
        trace.cost_usd,
        trace.partial,
    )
