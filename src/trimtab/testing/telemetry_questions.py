"""The asking half of the telemetry contract: filters, groups, series, facets, SQL, and changes.

Every expected answer is computed here, from the records themselves, by plain Python.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from trimtab.errors import InvalidRequest
from trimtab.ports import Cost, Erasure, ScoreQuery, SpanQuery, TelemetryStore, Written
from trimtab.records import AllOf, AnyOf, Condition, Filter, Not, Score, Span, Target, Usage
from trimtab.testing.telemetry_answers import (
    any_holds,
    assert_quantiles,
    attributed,
    by_trace,
    cost,
    grouped,
    holds,
    newest_first,
    tokens,
)
from trimtab.testing.telemetry_reads import (
    HOUR_NS,
    MS,
    NOON,
    Dice,
    random_traces,
    sample_score,
    sample_span,
)

_SAID = (
    "Where is my refund?",
    "A trim tab steers.",
    'He said "no".',
    "Zwölf Bücher",
    "line\nbreak",
)


def _is(field: str, *values: Any, key: str | None = None, op: Any = "=") -> Condition:
    return Condition(field=field, key=key, op=op, values=values)


_ROOT = _is("root", True)
FILTERS: dict[str, Filter] = {
    "one of two users": _is("user", "ada", "bob"),
    "an exact name": _is("name", "span 1"),
    "part of a name": _is("name", "PAN 1", op="contains"),
    "errors": _is("status", "error"),
    "an error that says": _is("error", "timed", op="contains"),
    "a session that exists": _is("session", op="exists"),
    "no session": Not(of=_is("session", op="exists")),
    "not a user": Not(of=_is("user", "ada")),
    "roots": _ROOT,
    "open": _is("open", True),
    "unpriced": _is("priced", False),
    "priced": _is("priced", True),
    "expensive": _is("cost_usd", Decimal("0.0005"), op=">"),
    "slow": _is("duration_ms", 500, op=">="),
    "first token": _is("ttft_ms", Decimal("4.5"), op="<"),
    "few tokens": _is("tokens", 20, op="<="),
    "input tokens": _is("input_tokens", 10, op=">"),
    "since": _is("since", NOON + 1_000 * MS),
    "until": _is("until", NOON + 1_000 * MS),
    "a tag": _is("tag", "red"),
    "part of a tag": _is("tag", "EE", op="contains"),
    "any tag": _is("tag", op="exists"),
    "metadata text": _is("metadata", "acme", key="tenant"),
    "metadata number": _is("metadata", 2, key="tier", op=">"),
    "metadata equal to a number": _is("metadata", 2, key="tier"),
    "metadata true": _is("metadata", True, key="beta"),
    "metadata that exists": _is("metadata", op="exists", key="a.b"),
    "metadata that says": _is("metadata", "CM", key="tenant", op="contains"),
    "attribute": _is("attributes", "eu-1", key="cloud.region"),
    "attribute of the resource": _is("attributes", "api", key="service.name"),
    "attribute number": _is("attributes", 3, key="retries", op=">="),
    "attribute equal to a number": _is("attributes", 3, key="retries"),
    "attribute that exists": _is("attributes", op="exists", key="retries"),
    "attribute that says": _is("attributes", "EU", key="cloud.region", op="contains"),
    "text": _is("text", "my refund"),
    "text whatever its case": _is("text", "TRIM TAB"),
    "text in quotes": _is("text", 'said "no"'),
    "text beyond ASCII": _is("text", "ZWÖLF"),
    "text over two lines": _is("text", "line\nbreak"),
    "text in a name": _is("text", "span 3"),
    "text in an error": _is("text", "timed out"),
    "text in a large value": _is("text", "needle in it"),
    "score above": _is("score", Decimal("0.5"), key="f1", op=">"),
    "score that exists": _is("score", op="exists", key="f1"),
    "score by label": _is("score", "warm", key="tone"),
    "score passed": _is("score", True, key="safe"),
    "all of": AllOf(of=(_is("kind", "llm"), _is("user", "ada"), _is("status", "ok"))),
    "any of": AnyOf(of=(_is("tag", "red"), _is("user", "bob"))),
    "nested": AllOf(of=(_ROOT, Not(of=AnyOf(of=(_is("user", "ada"), _is("status", "error")))))),
    "none of nothing": AnyOf(of=()),
    "all of nothing": AllOf(of=()),
}


def told_traces(count: int, dice: Dice) -> tuple[list[Span], list[Score]]:
    """Traces with everything that can be asked about, and scores of some.

    No two spans start at the same moment, so that it is known which names a user first.
    """
    spans, scores = [], []
    for place, whole in enumerate(random_traces(count, dice)):
        span = replace(whole, start_ns=whole.start_ns + place)
        large = dice.below(40) == 0
        said = "needle in it " + "x" * 70_000 if large else dice.pick(*_SAID)
        spans.append(
            replace(
                span,
                user=dice.pick("ada", "bob", "eve", None),
                session=dice.pick("s1", "s2", None),
                model=dice.pick("model-a", "model-b", None),
                error=dice.pick("it timed out", None) if span.status == "error" else None,
                open=dice.below(10) == 0,
                first_token_ns=dice.pick(None, span.start_ns + dice.below(10) * MS),
                usage=dice.pick(None, Usage(input=dice.below(20), cache_read=3, output=7)),
                input=[{"role": "user", "content": said}],
                tags=dice.pick((), ("red",), ("green", "red"), ("blue",)),
                metadata=dice.pick(
                    {}, {"a.b": 1}, {"tenant": "acme", "tier": dice.below(5), "beta": True}
                ),
                attributes=dice.pick({}, {"cloud.region": "eu-1", "retries": dice.below(5)}),
                resource=dice.pick({}, {"service.name": "api"}),
            )
        )
        if dice.below(3) == 0:
            scores.append(_some_score(spans[-1], dice))
    return spans, scores


def _some_score(span: Span, dice: Dice) -> Score:
    target = dice.pick(
        Target(kind="span", id=span.span_id, trace_id=span.trace_id),
        Target(kind="trace", id=span.trace_id),
    )
    said: dict[str, Any] = dice.pick(
        {"name": "f1", "value": dice.below(10) / 10},
        {"name": "f1", "value": None, "status": "unscored", "reason": "missing: context"},
        {"name": "tone", "value": None, "label": dice.pick("warm", "cold")},
        {"name": "safe", "value": None, "passed": dice.pick(True, False)},
    )
    return sample_score(target=target, **said)


class TelemetryQuestionContract:
    @pytest.fixture
    def told(self, store: TelemetryStore) -> tuple[list[Span], list[Score]]:
        spans, scores = told_traces(60, Dice(5))
        store.append([*spans, sample_span(project="other", user="ada")], scores).result(timeout=60)
        return spans, scores

    # -- filters -------------------------------------------------------------------------------

    def test_every_filter_finds_the_spans_it_is_about(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, scores = told
        for name, tree in FILTERS.items():
            found = store.spans(SpanQuery(where=tree, limit=10_000))
            expected = [span for span in attributed(spans) if holds(tree, span, scores)]
            assert [span.span_id for span in found] == newest_first(expected), name
            assert name == "none of nothing" or expected, f"{name} finds nothing in the data"

    def test_a_filter_finds_the_traces_that_hold_a_span_it_is_about(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, scores = told
        members = by_trace(spans)
        # What is asked of a whole trace is the business of its sums and of its start.
        sums = {"slow", "few tokens", "input tokens", "expensive", "since", "until"}
        for name, tree in FILTERS.items():
            if name in sums:
                continue
            found = store.traces(SpanQuery(where=tree, limit=1_000))
            expected = {
                trace_id for trace_id, own in members.items() if any_holds(tree, own, scores)
            }
            assert {trace.trace_id for trace in found} == expected, name

    def test_an_amount_asked_of_a_trace_is_about_its_sum(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, _ = told
        median = np.median([float(cost(own) or 0) for own in by_trace(spans).values()])
        bound = Decimal(str(round(float(median), 9)))
        found = store.traces(SpanQuery(where=_is("cost_usd", bound, op=">"), limit=1_000))
        expected = {
            trace_id
            for trace_id, own in by_trace(spans).items()
            if (paid := cost(own)) is not None and paid > bound
        }
        assert {trace.trace_id for trace in found} == expected
        assert expected

    def test_only_a_model_call_is_priced_or_not(self, store: TelemetryStore) -> None:
        def trace(*costs: Decimal | None) -> list[Span]:
            root = sample_span(kind="chain", cost_usd=None)
            below = {"trace_id": root.trace_id, "parent_id": root.span_id}
            tool = sample_span(kind="tool", cost_usd=None, **below)
            return [root, tool, *(sample_span(cost_usd=cost, **below) for cost in costs)]

        whole, half, none = trace(Decimal(1)), trace(Decimal(1), None), trace(None)
        store.append([*whole, *half, *none, *trace()]).result(timeout=60)
        for priced, traces in ((True, (whole, half)), (False, (half, none))):
            query = SpanQuery(where=_is("priced", priced))
            calls = {
                span.span_id
                for spans in traces
                for span in spans
                if span.kind == "llm" and (span.cost_usd is not None) == priced
            }
            assert {span.span_id for span in store.spans(query)} == calls
            assert {found.trace_id for found in store.traces(query)} == {
                spans[0].trace_id for spans in traces
            }

    def test_a_call_that_failed_before_anything_was_used_is_neither_priced_nor_unpriced(
        self, store: TelemetryStore
    ) -> None:
        failed = sample_span(status="error", error="no answer", usage=None, cost_usd=None)
        cut = sample_span(status="error", error="cut off", cost_usd=None)
        told_nothing = sample_span(usage=None, cost_usd=None)
        paid = sample_span()
        store.append([failed, cut, told_nothing, paid]).result(timeout=60)
        for priced, spans in ((True, {paid.span_id}), (False, {cut.span_id, told_nothing.span_id})):
            query = SpanQuery(where=_is("priced", priced))
            assert {span.span_id for span in store.spans(query)} == spans
        unpriced = {trace.trace_id: trace.unpriced for trace in store.traces(SpanQuery())}
        assert unpriced == {
            failed.trace_id: 0,
            cut.trace_id: 1,
            told_nothing.trace_id: 1,
            paid.trace_id: 0,
        }
        overview = store.overview("default", since_ns=NOON, until_ns=NOON + HOUR_NS)
        assert (overview.calls, overview.errors, overview.unpriced) == (4, 2, 2)
        [group] = store.groups(SpanQuery(), "kind")
        assert group.unpriced == 2

    def test_an_unknown_field_is_refused(self, store: TelemetryStore) -> None:
        with pytest.raises(InvalidRequest, match="no field 'colour'"):
            store.spans(SpanQuery(where=_is("colour", "red")))

    # -- one span, and a trace's tree ----------------------------------------------------------

    def test_a_tree_is_the_heads_of_the_spans_of_a_trace(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        for trace_id in list(by_trace(told[0]))[:5]:
            trace = store.trace("default", trace_id)
            heads = store.skeleton("default", trace_id)
            assert [head.span_id for head in heads] == [span.span_id for span in trace]
            for head, span in zip(heads, trace, strict=True):
                usage = span.usage or Usage()
                assert (head.parent_id, head.name, head.kind) == (
                    span.parent_id,
                    span.name,
                    span.kind,
                )
                assert (head.start_ns, head.end_ns, head.status) == (
                    span.start_ns,
                    span.end_ns,
                    span.status,
                )
                assert (head.error, head.open, head.model) == (span.error, span.open, span.model)
                assert head.input_tokens == usage.input + usage.cache_read
                assert (head.output_tokens, head.cost_usd) == (usage.output, span.cost_usd)
                assert head.first_token_ns == span.first_token_ns
                assert (head.usage, head.cost_source) == (span.usage, span.cost_source)
        assert store.skeleton("other", trace_id) == []

    def test_one_span_comes_with_its_payload(self, store: TelemetryStore) -> None:
        spans = [sample_span(input=n) for n in range(3)]
        store.append(spans).result(timeout=60)
        for span in spans:
            assert store.span("default", span.trace_id, span.span_id) == span
        assert store.span("other", spans[0].trace_id, spans[0].span_id) is None
        assert store.span("default", spans[0].trace_id, spans[1].span_id) is None

    # -- figures -------------------------------------------------------------------------------

    @pytest.mark.parametrize("by", ["user", "session", "model", "kind", "status", "route", "tag"])
    def test_groups_add_up_what_has_one_value(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]], by: Any
    ) -> None:
        groups = store.groups(SpanQuery(limit=100), by)
        expected = grouped(attributed(told[0]), by)
        assert {group.key for group in groups} == set(expected)
        assert len(groups) == len(expected)
        for group in groups:
            own = expected[group.key]
            calls = [span for span in own if span.kind == "llm"]
            assert group.traces == len({span.trace_id for span in own})
            assert (group.spans, group.calls) == (len(own), len(calls))
            assert group.errors == sum(span.status == "error" for span in own)
            assert (group.input_tokens, group.output_tokens) == tokens(own)
            assert group.cost_usd == cost(own)
            assert group.unpriced == sum(call.is_unpriced for call in calls)
            assert (group.first_ns, group.last_ns) == (
                min(span.start_ns for span in own),
                max(span.start_ns for span in own),
            )
            assert_quantiles(calls, {0.5: group.latency_p50_ms, 0.95: group.latency_p95_ms})
        if by in {"session", "user"}:
            assert [group.last_ns for group in groups] == sorted(
                (group.last_ns for group in groups), reverse=True
            )
        else:
            costs = [group.cost_usd or Decimal(0) for group in groups]
            assert costs == sorted(costs, reverse=True)

    @pytest.mark.parametrize("by", [None, "model", "tag", "user"])
    def test_a_series_adds_up_every_step(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]], by: Any
    ) -> None:
        step = 500 * MS
        points = store.series(SpanQuery(), step_ns=step, by=by)
        expected: dict[tuple[int, str | None], list[Span]] = defaultdict(list)
        for key, own in grouped(attributed(told[0]), by).items():
            for span in own:
                expected[span.start_ns // step * step, key].append(span)
        assert {(point.start_ns, point.key) for point in points} == set(expected)
        assert [point.start_ns for point in points] == sorted(p.start_ns for p in points)
        for point in points:
            own = expected[point.start_ns, point.key]
            calls = [span for span in own if span.kind == "llm"]
            assert (point.spans, point.calls) == (len(own), len(calls))
            assert point.errors == sum(span.status == "error" for span in own)
            assert (point.input_tokens, point.output_tokens) == tokens(own)
            assert point.cost_usd == cost(own)
            found = (point.latency_p50_ms, point.latency_p95_ms, point.latency_p99_ms)
            assert_quantiles(calls, dict(zip((0.5, 0.95, 0.99), found, strict=True)))
        counted = [
            (one.start_ns, one.key, one.spans, one.errors)
            for one in store.counts(SpanQuery(), step_ns=step, by=by)
        ]
        assert counted == [(one.start_ns, one.key, one.spans, one.errors) for one in points]

    def test_facets_count_traces_by_value(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, _ = told
        tree = _is("status", "ok")
        facets = store.facets(SpanQuery(where=tree), ("user", "session", "tag"), limit=3)
        ok = [span for span in attributed(spans) if span.status == "ok"]
        for by in ("user", "session", "tag"):
            counts = {
                key: len({span.trace_id for span in own})
                for key, own in grouped(ok, by).items()
                if key is not None
            }
            found = {value.value: value.traces for value in facets[by]}
            assert list(found.values()) == sorted(counts.values(), reverse=True)[:3]
            assert all(counts[key] == n for key, n in found.items())

    # -- whose a span is -----------------------------------------------------------------------

    @pytest.mark.parametrize("field", ["session", "user"])
    def test_what_a_trace_costs_is_the_cost_of_whoever_one_of_its_spans_names(
        self, store: TelemetryStore, field: Any
    ) -> None:
        spans = [
            *_told_by(field, "ada", None),
            *_told_by(field, None, "ada"),
            *_told_by(field, "ada", "bob"),
            *_told_by(field, None, None),
            *_told_by(field, "ada", None, project="other"),
        ]
        store.append(spans).result(timeout=60)
        recent = SpanQuery(since_ns=NOON)
        found = {group.key: group for group in store.groups(recent, field)}
        assert {
            key: (group.cost_usd, group.calls, group.spans, group.traces)
            for key, group in found.items()
        } == {
            "ada": (Decimal("0.75"), 3, 5, 3),
            "bob": (None, 0, 1, 1),
            None: (Decimal("0.25"), 1, 2, 1),
        }
        for name in ("ada", "bob"):
            mine = replace(recent, where=_is(field, name))
            assert len(store.spans(mine)) == found[name].spans
            assert store.groups(mine, field) == [found[name]]
            [point] = store.series(mine, step_ns=HOUR_NS)
            assert (point.spans, point.cost_usd) == (found[name].spans, found[name].cost_usd)
            assert store.facets(mine, (field,)) == {field: [(name, found[name].traces)]}
        assert len(store.spans(replace(recent, where=_is(field, op="exists")))) == 6
        assert len(store.spans(replace(recent, where=Not(of=_is(field, "ada"))))) == 3
        assert len(store.traces(SpanQuery(where=_is(field, "ada")))) == 3
        assert len(store.traces(SpanQuery(where=_is(field, "bob")))) == 1

    # -- SQL -----------------------------------------------------------------------------------

    def test_sql_is_answered_about_one_project(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, scores = told

        def ask(text: str, max_rows: int = 100) -> Any:
            return store.sql("default", text, max_rows=max_rows, timeout_s=30)

        kinds = ask("SELECT kind, count(*) AS n FROM spans GROUP BY kind ORDER BY kind")
        expected = {key: len(own) for key, own in grouped(spans, "kind").items()}
        assert kinds.columns == ["kind", "n"]
        assert dict(kinds.rows) == expected
        assert not kinds.truncated
        few = ask("SELECT span_id FROM spans ORDER BY span_id", max_rows=3)
        assert [row[0] for row in few.rows] == sorted(span.span_id for span in spans)[:3]
        assert few.truncated
        [[judged]] = ask("SELECT count(*) FROM scores AS s WHERE s.name = 'f1'").rows
        assert judged == sum(score.name == "f1" for score in scores)
        [[joined]] = ask(
            "WITH calls AS (SELECT * FROM spans WHERE kind = 'llm') SELECT count(*) FROM calls"
            " JOIN scores ON calls.span_id = scores.target_id"
        ).rows
        calls = {span.span_id for span in spans if span.kind == "llm"}
        assert joined == sum(score.target.id in calls for score in scores)
        [[slow]] = ask("SELECT count(*) FROM spans WHERE duration_ms > 500").rows
        assert slow == sum(span.duration_ms > 500 for span in spans)
        [[tagged]] = ask("SELECT count(*) FROM spans WHERE list_contains(tags, 'red')").rows
        assert tagged == sum("red" in span.tags for span in spans)

    @pytest.mark.parametrize(
        "text",
        [
            "DELETE FROM spans",
            "SELECT 1; SELECT 2",
            "SELECT * FROM system.tables",
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM url('http://localhost/')",
            "SELECT file('/etc/passwd')",
            "SELECT * FROM rollups",
            "SELECT seq FROM spans",
            "SELECT nonsense FROM spans",
            "SELECT FROM WHERE",
            "",
        ],
    )
    def test_sql_that_reaches_elsewhere_is_refused(self, store: TelemetryStore, text: str) -> None:
        with pytest.raises(InvalidRequest):
            store.sql("default", text, max_rows=10, timeout_s=10)

    def test_sql_that_takes_too_long_is_stopped(self, store: TelemetryStore) -> None:
        store.append([sample_span() for _ in range(400)]).result(timeout=60)
        with pytest.raises(InvalidRequest, match=r"takes longer than 0\.3 s"):
            store.sql(
                "default",
                "SELECT max(a.duration_ms * b.duration_ms + c.duration_ms * d.duration_ms)"
                " FROM spans a, spans b, spans c, spans d",
                max_rows=10,
                timeout_s=0.3,
            )
        store.ping()

    # -- versions ------------------------------------------------------------------------------

    def test_a_greater_revision_takes_the_place_of_a_span(self, store: TelemetryStore) -> None:
        begun = sample_span(open=True, cost_usd=None, end_ns=NOON)
        store.append([begun]).result(timeout=60)
        cursor = store.last_seq()
        assert store.spans_after(0, limit=10) == []
        ended = replace(
            begun, open=False, revision=2, cost_usd=Decimal("0.25"), start_ns=NOON + HOUR_NS // 2
        )
        ended = replace(ended, end_ns=ended.start_ns + MS)
        assert store.append([ended]).result(timeout=60) == Written(spans=1, scores=0)
        assert store.trace("default", begun.trace_id) == [ended]
        assert store.spans(SpanQuery()) == [ended]
        assert store.span_count() == 1
        assert [item.span for item in store.spans_after(cursor, limit=10)] == [ended]
        overview = store.overview("default", since_ns=NOON, until_ns=NOON + HOUR_NS)
        assert (overview.calls, overview.cost_usd, overview.unpriced) == (1, Decimal("0.25"), 0)
        late = replace(begun, revision=1)
        assert store.append([late]).result(timeout=60) == Written(spans=0, scores=0)
        assert store.trace("default", begun.trace_id) == [ended]

    def test_new_prices_show_in_every_figure(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, _ = told
        calls = [span for span in spans if span.kind == "llm"]
        new = {
            call.span_id: Decimal(n).scaleb(-6) if n % 5 else None for n, call in enumerate(calls)
        }
        costs = [Cost(call.trace_id, call.span_id, new[call.span_id]) for call in calls]
        changed = sum(call.cost_usd != new[call.span_id] for call in calls)
        assert store.set_costs("default", [*costs, Cost("f" * 32, "f" * 16, None)]) == changed
        assert store.set_costs("default", costs) == 0
        total = sum((cost for cost in new.values() if cost is not None), Decimal(0))
        end = NOON + 24 * HOUR_NS
        overview = store.overview("default", since_ns=NOON - HOUR_NS, until_ns=end)
        assert overview.cost_usd == total
        assert overview.unpriced == sum(
            replace(call, cost_usd=new[call.span_id]).is_unpriced for call in calls
        )
        [group] = [one for one in store.groups(SpanQuery(), "kind") if one.key == "llm"]
        assert (group.cost_usd, group.unpriced) == (total, overview.unpriced)
        for call in calls[:10]:
            found = store.span("default", call.trace_id, call.span_id)
            assert found is not None
            assert found.cost_usd == new[call.span_id]
            assert found.input == call.input

    # -- erasing -------------------------------------------------------------------------------

    def test_erasing_a_user_leaves_nothing_of_their_traces(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]]
    ) -> None:
        spans, scores = told
        gone = {span.trace_id for span in spans if span.user == "ada"}
        kept = [span for span in spans if span.trace_id not in gone]
        about = [one for one in scores if (one.target.trace_id or one.target.id) in gone]
        erased = store.erase(Erasure(project="default", users=("ada",)))
        assert (erased.traces, erased.spans) == (len(gone), len(spans) - len(kept))
        assert (erased.scores, erased.remaining) == (len(about), 0)
        assert erased.payload_bytes > 0
        assert store.span_count("default") == len(kept)
        assert store.span_count("other") == 1
        assert len(store.scores(ScoreQuery(limit=10_000))) == len(scores) - len(about)
        assert all(store.trace("default", trace_id) == [] for trace_id in gone)
        assert all(group.key != "ada" for group in store.groups(SpanQuery(), "user"))
        overview = store.overview("default", since_ns=NOON, until_ns=NOON + 24 * HOUR_NS)
        assert overview.spans == len(kept)
        again = store.erase(Erasure(project="default", users=("ada",)))
        assert (again.spans, again.scores, again.remaining) == (0, 0, 0)

    def test_erasing_what_is_old_leaves_what_is_not(self, store: TelemetryStore) -> None:
        spans = [sample_span(start_ns=NOON + n * HOUR_NS) for n in range(-3, 3)]
        target = Target(kind="trace", id=spans[0].trace_id)
        store.append(spans, [sample_score(target=target)]).result(timeout=60)
        erased = store.erase(Erasure(project="default", before_ns=NOON))
        assert (erased.spans, erased.scores, erased.remaining) == (3, 1, 0)
        assert [span.start_ns for span in store.spans(SpanQuery())] == [
            NOON + n * HOUR_NS for n in (2, 1, 0)
        ]

    def test_an_erased_large_value_goes_unless_another_span_needs_it(
        self, store: TelemetryStore
    ) -> None:
        shared, own = "s" * 80_000, "o" * 80_000
        first = sample_span(input=shared, output=own, session="one")
        second = sample_span(input=shared, session="two")
        store.append([first, second]).result(timeout=60)
        erased = store.erase(Erasure(project="default", sessions=("one",)))
        assert len(erased.blobs) <= 1  # none where values are kept with their rows
        assert store.trace("default", first.trace_id) == []
        assert store.trace("default", second.trace_id) == [second]

    def test_an_erased_span_may_come_again(self, store: TelemetryStore) -> None:
        span = sample_span()
        store.append([span]).result(timeout=60)
        store.erase(Erasure(project="default", trace_ids=(span.trace_id,)))
        assert store.append([span]).result(timeout=60) == Written(spans=1, scores=0)
        assert store.trace("default", span.trace_id) == [span]

    # -- care ----------------------------------------------------------------------------------

    @pytest.mark.usefixtures("told")
    def test_a_compacted_store_says_the_same(self, store: TelemetryStore) -> None:
        store.erase(Erasure(project="default", users=("bob",)))
        before = store.spans(SpanQuery(limit=10_000))
        assert store.compact().after_bytes > 0
        assert store.spans(SpanQuery(limit=10_000)) == before

    def test_a_backup_is_written_while_the_store_is_in_use(
        self, store: TelemetryStore, told: tuple[list[Span], list[Score]], tmp_path: Path
    ) -> None:
        store.backup(tmp_path / "copy")
        assert any(file.stat().st_size for file in (tmp_path / "copy").iterdir())
        assert store.span_count("default") == len(told[0])


def _told_by(field: str, root: str | None, tool: str | None, **fields: Any) -> list[Span]:
    """A trace with a call that names nobody; its root is of an hour before."""
    other = {"cost_usd": None, **fields}
    first = sample_span(start_ns=NOON - HOUR_NS, kind="chain", **{field: root}, **other)
    below = {"trace_id": first.trace_id, "parent_id": first.span_id}
    call = sample_span(start_ns=NOON, cost_usd=Decimal("0.25"), **below, **fields)
    last = sample_span(start_ns=NOON + 1, kind="tool", **{field: tool}, **below, **other)
    return [first, call, last]
