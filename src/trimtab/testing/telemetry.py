"""What every telemetry store does, as tests: subclass and provide two fixtures.

    class TestMyStore(TelemetryStoreContract):
        @pytest.fixture
        def reopen(self, tmp_path):
            with Reopening(lambda: MyStore(tmp_path)) as reopen:
                yield reopen

        @pytest.fixture
        def store(self, reopen):
            return reopen()

`store` is open and empty; `reopen()` closes what it opened before and opens the same data again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import TracebackType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.errors import InvalidRequest, StoreError
from trimtab.kit import ids, jsonx
from trimtab.ports import ScoreQuery, TelemetryStore, Written
from trimtab.records import Score, Span, Target, Usage
from trimtab.testing import strategies
from trimtab.testing.telemetry_pages import TelemetryPageContract
from trimtab.testing.telemetry_questions import TelemetryQuestionContract
from trimtab.testing.telemetry_reads import TelemetryReadContract, sample_score, sample_span

__all__ = ["Reopening", "TelemetryStoreContract", "sample_score", "sample_span"]

Reopen = Callable[[], TelemetryStore]

# The store of a test serves all examples; a subclass per store runs the same property.
_property = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)

PAYLOADS: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    0,
    False,
    [None],
    [[]],
    1,
    [1],
    1.0,
    [1.0],
    -0.0,
    5e-324,
    1.7976931348623157e308,
    2**63,
    -(2**63) - 1,
    [2**200, {"n": -(2**200)}],
    "U+0000 \x00 in text",
    [{"role": "user", "content": "a\x00b"}],
    {"\x00": "\x00"},
    "😀👩‍🚀 שלום \u2028 \ufeff \uffff",
    {"b": 1, "a": {"z": [1, [2, [3, {"deep": None}]]]}},
    [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]}],
    "x" * 300_000,
    ["short", "y" * 300_000, {"role": "user", "content": "z" * 70_000}],
)


class Reopening:
    """Calls `open_store`, closing the store of the call before; closes the last one at the end."""

    def __init__(self, open_store: Reopen) -> None:
        self._open = open_store
        self._store: TelemetryStore | None = None

    def __call__(self) -> TelemetryStore:
        self._close()
        self._store = self._open()
        return self._store

    def __enter__(self) -> Reopening:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()


def add(store: TelemetryStore, spans: Iterable[Span] = (), scores: Iterable[Score] = ()) -> Written:
    return store.append(list(spans), list(scores)).result(timeout=60)


class TelemetryStoreContract(
    TelemetryReadContract, TelemetryQuestionContract, TelemetryPageContract
):
    # -- spans come back as they were ----------------------------------------------------------

    @_property
    @given(batch=st.lists(strategies.spans(), max_size=5))
    def test_a_span_comes_back_exactly_as_it_was(
        self, store: TelemetryStore, batch: list[Span]
    ) -> None:
        batch = [replace(span, span_id=ids.span_id()) for span in batch]
        add(store, batch)
        for span in batch:
            [found] = [s for s in store.trace("default", span.trace_id) if _same_ids(s, span)]
            assert found == span
            for field in ("input", "output", "attributes", "events", "usage", "tags"):
                # Compared as JSON too: in Python 1 == 1.0 == True, and keys have no order.
                assert jsonx.encode(getattr(found, field)) == jsonx.encode(getattr(span, field))

    @pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload)[:30])
    def test_every_payload_is_rebuilt_exactly(
        self, store: TelemetryStore, reopen: Reopen, payload: Any
    ) -> None:
        span = sample_span(input=payload, output=payload, attributes={"copy": payload})
        add(store, [span])
        found_at_once = store.trace("default", span.trace_id)
        found_later = reopen().trace("default", span.trace_id)
        for found in (*found_at_once, *found_later):
            for value in (found.input, found.output, found.attributes["copy"]):
                assert jsonx.encode(value) == jsonx.encode(payload)
                assert type(value) is type(payload)
        assert (len(found_at_once), len(found_later)) == (1, 1)

    def test_spans_that_share_messages_share_no_memory(self, store: TelemetryStore) -> None:
        shared = [{"role": "system", "content": "Be brief."}]
        spans = [sample_span(input=shared), sample_span(input=shared)]
        add(store, spans)
        first, second = (store.trace("default", span.trace_id)[0] for span in spans)
        assert isinstance(first.input, list)
        first.input[0]["content"] = "changed"
        assert second.input == shared

    def test_unknown_usage_and_cost_are_not_zero(self, store: TelemetryStore) -> None:
        unknown = sample_span(usage=None, cost_usd=None)
        free = sample_span(usage=Usage(), cost_usd=Decimal(0))
        add(store, [unknown, free])
        assert store.trace("default", unknown.trace_id) == [unknown]
        assert store.trace("default", free.trace_id) == [free]

    # -- identity ------------------------------------------------------------------------------

    def test_a_span_is_readable_once_its_future_resolved(self, store: TelemetryStore) -> None:
        for _ in range(20):
            span = sample_span()
            assert add(store, [span]) == Written(spans=1, scores=0)
            assert store.trace("default", span.trace_id) == [span]

    def test_appending_a_span_again_changes_nothing(
        self, store: TelemetryStore, reopen: Reopen
    ) -> None:
        spans = [sample_span() for _ in range(5)]
        assert add(store, spans) == Written(spans=5, scores=0)
        assert add(store, [*spans, sample_span()]) == Written(spans=1, scores=0)
        assert add(reopen(), spans) == Written(spans=0, scores=0)

    def test_a_span_twice_in_one_append_is_stored_once(self, store: TelemetryStore) -> None:
        span = sample_span()
        assert add(store, [span, span]) == Written(spans=1, scores=0)
        assert store.trace("default", span.trace_id) == [span]

    def test_the_first_of_two_spans_with_one_identity_stays(self, store: TelemetryStore) -> None:
        span = sample_span(name="first", start_ns=5)
        add(store, [span])
        assert add(store, [replace(span, name="second", start_ns=9, input="new")]).spans == 0
        assert store.trace("default", span.trace_id) == [span]

    def test_one_project_cannot_take_the_ids_of_another(self, store: TelemetryStore) -> None:
        span = sample_span(name="first", start_ns=5)
        other = replace(span, name="second", project="other", revision=9)
        assert add(store, [span]) == add(store, [other]) == Written(spans=1, scores=0)
        assert store.trace("default", span.trace_id) == [span]
        assert store.trace("other", span.trace_id) == [other]

    def test_ids_that_only_agree_when_joined_are_different(self, store: TelemetryStore) -> None:
        spans = [sample_span(trace_id="ab", span_id="c"), sample_span(trace_id="a", span_id="bc")]
        assert add(store, spans) == Written(spans=2, scores=0)

    def test_many_threads_appending_the_same_spans_store_each_once(
        self, store: TelemetryStore
    ) -> None:
        spans = [sample_span() for _ in range(40)]
        batches = [spans[start : start + 10] for start in range(0, 40, 5)] * 4
        with ThreadPoolExecutor(8) as threads:
            written = list(threads.map(lambda batch: add(store, batch), batches))
        assert sum(counts.spans for counts in written) == 40
        assert store.span_count() == 40

    # -- scores --------------------------------------------------------------------------------

    @_property
    @given(
        batch=st.lists(
            strategies.scores(),
            max_size=5,
            unique_by=lambda score: (score.project, score.score_id),
        )
    )
    def test_a_score_comes_back_exactly_as_it_was(
        self, store: TelemetryStore, batch: list[Score]
    ) -> None:
        add(store, scores=batch)
        for score in batch:
            query = ScoreQuery(project=score.project, limit=1_000_000)
            [found] = [s for s in store.scores(query) if s.score_id == score.score_id]
            assert found == score
            assert jsonx.encode(found.metadata) == jsonx.encode(score.metadata)

    def test_writing_a_score_again_replaces_it(self, store: TelemetryStore, reopen: Reopen) -> None:
        score = sample_score(value=0.25)
        better = replace(score, value=0.75, passed=True, time_ns=score.time_ns + 1)
        assert add(store, scores=[score]) == Written(spans=0, scores=1)
        assert add(store, scores=[better]) == Written(spans=0, scores=1)
        assert store.scores(ScoreQuery()) == [better]
        assert reopen().scores(ScoreQuery()) == [better]

    def test_the_same_score_id_in_two_projects_is_two_scores(
        self, store: TelemetryStore, reopen: Reopen
    ) -> None:
        score = sample_score(value=0.25)
        theirs = replace(score, project="other", value=0.5)
        assert add(store, scores=[score]) == Written(spans=0, scores=1)
        assert add(store, scores=[theirs]) == Written(spans=0, scores=1)
        assert add(store, scores=[theirs, score]) == Written(spans=0, scores=0)
        better = replace(theirs, value=0.75)
        assert add(store, scores=[score, better]) == Written(spans=0, scores=1)
        again = reopen()
        assert again.scores(ScoreQuery()) == [score]
        assert again.scores(ScoreQuery(project="other")) == [better]

    def test_scores_of_two_projects_with_one_id_come_in_one_append(
        self, store: TelemetryStore
    ) -> None:
        scores = [sample_score(score_id="one", project=name) for name in ("a", "b")]
        assert add(store, scores=scores) == Written(spans=0, scores=2)
        assert [store.scores(ScoreQuery(project=name)) for name in ("a", "b")] == [
            [score] for score in scores
        ]

    def test_writing_the_same_score_again_is_no_change(self, store: TelemetryStore) -> None:
        score = sample_score(cost_usd=Decimal("0.1"), metadata={"k": [1.5, None]})
        add(store, scores=[score])
        assert add(store, scores=[score]) == Written(spans=0, scores=0)
        assert store.scores(ScoreQuery()) == [score]

    def test_the_last_of_two_scores_in_one_append_wins(self, store: TelemetryStore) -> None:
        score = sample_score(value=0.0)
        last = replace(score, value=1.0)
        add(store, scores=[score, last])
        assert store.scores(ScoreQuery()) == [last]

    # -- all or nothing ------------------------------------------------------------------------

    def test_an_append_of_nothing_writes_nothing(self, store: TelemetryStore) -> None:
        assert add(store) == Written(spans=0, scores=0)

    @pytest.mark.parametrize(
        "bad",
        [
            {"name": "half \ud83d a pair"},
            {"input": ["half \ud83d a pair"]},
            {"end_ns": 1 << 63},
            {"usage": Usage(output=1 << 63)},
            {"cost_usd": Decimal("1e30")},
            {"cost_usd": Decimal("NaN")},
            {"attributes": {"object": object()}},
        ],
        ids=["half a pair", "half a pair in a list", "time", "tokens", "cost", "NaN", "no JSON"],
    )
    def test_what_cannot_be_stored_is_refused_with_all_of_its_append(
        self, store: TelemetryStore, bad: dict[str, Any]
    ) -> None:
        good, also_good = sample_span(), sample_span()
        refused = store.append([good, sample_span(**bad)], [sample_score()])
        accepted = store.append([also_good])
        with pytest.raises(InvalidRequest) as caught:
            refused.result(timeout=60)
        assert caught.value.where == f"$.{next(iter(bad))}"
        assert accepted.result(timeout=60) == Written(spans=1, scores=0)
        assert store.span_count() == 1
        assert store.scores(ScoreQuery()) == []

    # -- life ----------------------------------------------------------------------------------

    def test_everything_is_there_after_reopening(
        self, store: TelemetryStore, reopen: Reopen
    ) -> None:
        spans = [sample_span(start_ns=n) for n in range(50)]
        score = sample_score()
        add(store, spans, [score])
        again = reopen()
        assert [span for _, span in again.spans_after(0, limit=100)] == spans
        assert again.scores(ScoreQuery()) == [score]

    def test_what_is_queued_at_close_is_committed(
        self, store: TelemetryStore, reopen: Reopen
    ) -> None:
        futures = [store.append([sample_span()]) for _ in range(30)]
        assert reopen().span_count() == 30
        assert all(future.result(timeout=0) == Written(1, 0) for future in futures)

    def test_a_closed_store_says_so(self, store: TelemetryStore) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreError):
            store.append([sample_span()]).result(timeout=60)
        with pytest.raises(StoreError):
            store.span_count()
        with pytest.raises(StoreError):
            store.ping()

    def test_a_working_store_answers_a_ping(self, store: TelemetryStore) -> None:
        store.ping()
        add(store, [sample_span()], [sample_score(target=Target(kind="run", id="r"))])
        store.ping()


def _same_ids(one: Span, other: Span) -> bool:
    return (one.trace_id, one.span_id) == (other.trace_id, other.span_id)
