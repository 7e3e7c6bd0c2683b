"""Spans told in several messages: pieces become one span, in any order, across restarts."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.stations.recording import Busy, Faulty, span, stored
from tests.stations.wiring import in_loop
from tests.tables import telemetry_in

from trimtab.errors import StoreError
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.ports import SpanQuery, TelemetryStore
from trimtab.records import Span, SpanPatch
from trimtab.tracing.assemble import Assembler
from trimtab.tracing.ingest import Ingest
from trimtab.tracing.patching import FIRST_REVISION, Key, begun, completed, patched

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROOT, CHILD = "00f067aa0ba902b7", "00f067aa0ba902b8"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with closing(telemetry_in(tmp_path)) as store:
        yield store


def assembler(store: Any, **settings: Any) -> Assembler:
    async def write(spans: Sequence[Span]) -> int:
        await asyncio.wrap_future(store.append(spans=spans))
        return 0

    return Assembler(store, write, SystemClock(), **settings)


def patch(span_id: str = ROOT, *, finished: bool = False, **fields: Any) -> SpanPatch:
    return SpanPatch(trace_id=TRACE, span_id=span_id, fields=fields, finished=finished)


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    return in_loop(work)


class TestPatches:
    def test_a_span_is_open_until_a_patch_says_that_it_is_over(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            await told.patch("p", [patch(name="a", start_ns=5, input="question")])
            begun = store.span("p", TRACE, ROOT)
            assert begun is not None
            assert (begun.open, begun.revision) == (True, FIRST_REVISION)
            await told.patch("p", [patch(metadata={"k": 1})])
            changed = store.span("p", TRACE, ROOT)
            assert changed is not None
            assert (changed.open, changed.revision) == (True, FIRST_REVISION + 1)
            await told.patch("p", [patch(end_ns=9, output="answer", finished=True)])

        run(work)
        over = store.span("p", TRACE, ROOT)
        assert over is not None
        assert (over.open, over.revision, over.start_ns, over.end_ns) == (False, 0, 5, 9)
        assert (over.name, over.input, over.output) == ("a", "question", "answer")
        assert over.metadata == {"k": 1}

    def test_a_patch_after_the_end_makes_a_newer_revision(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            await told.patch("p", [patch(start_ns=5, end_ns=6, finished=True)])
            await told.patch("p", [patch(tags=("late",))])

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.revision, found.open, found.tags) == (1, False, ("late",))

    def test_the_same_patch_again_changes_nothing(self, store: TelemetryStore) -> None:
        whole = patch(start_ns=5, end_ns=6, finished=True, tags=("a",), events=({"name": "e"},))

        async def work() -> None:
            told = assembler(store)
            await told.patch("p", [whole])
            await told.patch("p", [whole, whole])

        run(work)
        assert [(s.revision, s.tags, len(s.events)) for s in stored(store)] == [(0, ("a",), 1)]

    def test_pieces_meet_across_a_restart(self, store: TelemetryStore) -> None:
        async def before() -> None:
            await assembler(store).patch("p", [patch(name="a", start_ns=5, attributes={"x": 1})])

        async def after() -> None:
            await assembler(store).patch("p", [patch(end_ns=9, attributes={"y": 2}, finished=True)])

        run(before)
        run(after)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.name, found.revision) == ("a", 0)
        assert found.attributes == {"x": 1, "y": 2}

    def test_what_is_forgotten_in_memory_is_read_from_the_store(
        self, store: TelemetryStore
    ) -> None:
        others = [patch(ids.span_id(), start_ns=1, input="x" * 500) for _ in range(20)]

        async def work() -> None:
            told = assembler(store, most_bytes=2_000)
            await told.patch("p", [patch(name="a", start_ns=5)])
            await told.patch("p", others)
            await told.patch("p", [patch(end_ns=9, finished=True)])

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.name, found.start_ns, found.revision) == ("a", 5, 0)

    def test_a_span_without_its_trace_is_found_by_its_id(self, store: TelemetryStore) -> None:
        nameless = SpanPatch(trace_id=None, span_id=ROOT, fields={"end_ns": 9}, finished=True)
        unknown = SpanPatch(trace_id=None, span_id=CHILD, fields={"end_ns": 9}, finished=True)

        async def before() -> None:
            await assembler(store).patch("p", [patch(name="a", start_ns=5)])

        async def after() -> None:
            told = assembler(store)
            assert await told.locate("p", [ROOT, CHILD]) == {ROOT: TRACE}
            assert await told.locate("elsewhere", [ROOT]) == {}
            assert await told.patch("p", [nameless, unknown]) == [unknown]

        run(before)
        run(after)
        assert [(s.trace_id, s.end_ns, s.open) for s in stored(store)] == [(TRACE, 9, False)]

    def test_a_message_that_begins_a_span_late_replaces_nothing(
        self, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            told = assembler(store)
            await told.patch("p", [patch(kind="tool", end_ns=9, start_ns=5, finished=True)])
            await told.patch("p", [patch(name="a", kind="chain", start_ns=5, metadata={"k": 1})])

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.name, found.kind, found.end_ns, found.open) == ("a", "tool", 9, False)
        assert found.metadata == {"k": 1}

    def test_a_finished_span_is_priced_and_priced_again_with_its_usage(
        self, store: TelemetryStore
    ) -> None:
        def price(span: Span) -> Span:
            if span.cost_usd is not None or span.model is None:
                return span
            cost = Decimal(len(span.model)) / 1000
            return replace(span, cost_usd=cost, cost_source="table")

        async def work() -> None:
            told = assembler(store, price=price)
            await told.patch("p", [patch(model="m", start_ns=1)])
            opened = store.span("p", TRACE, ROOT)
            assert opened is not None
            assert opened.cost_usd is None
            await told.patch("p", [patch(end_ns=2, finished=True)])
            await told.patch("p", [patch(model="mm")])

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert found.cost_usd == Decimal("0.002")

    def test_patches_of_one_span_at_once_are_applied_in_order(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            await asyncio.gather(
                *(told.patch("p", [patch(name=f"n{n}", metadata={f"k{n}": n})]) for n in range(20))
            )
            await told.patch("p", [patch(end_ns=2, finished=True)])

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert found.name == "n19"
        assert found.metadata == {f"k{n}": n for n in range(20)}


class TestFaults:
    def test_what_was_not_written_may_be_sent_again(self, store: TelemetryStore) -> None:
        failures = iter([StoreError("away")])
        faulty = Faulty(store, lambda spans: next(failures, None))
        whole = patch(name="a", start_ns=5, end_ns=6, finished=True)

        async def work() -> None:
            told = assembler(faulty)
            with pytest.raises(StoreError, match="away"):
                await told.patch("p", [whole])
            await told.patch("p", [whole])

        run(work)
        assert [(s.name, s.revision) for s in stored(store)] == [("a", 0)]

    def test_a_retry_is_not_acknowledged_before_it_is_durable(self, store: TelemetryStore) -> None:
        async def work() -> None:
            release = asyncio.Event()

            async def write(spans: Sequence[Span]) -> int:
                await release.wait()
                await asyncio.wrap_future(store.append(spans=spans))
                return 0

            told = Assembler(store, write, SystemClock())
            whole = patch(name="a", start_ns=5, end_ns=6, finished=True)
            first = asyncio.create_task(told.patch("p", [whole]))
            again = asyncio.create_task(told.patch("p", [whole]))
            done, _ = await asyncio.wait({first, again}, timeout=0.2)
            assert not done
            release.set()
            await asyncio.gather(first, again)

        run(work)
        assert store.span_count("p") == 1


class TestFinishedElsewhere:
    def test_a_finished_span_takes_over_what_came_before_it(self, store: TelemetryStore) -> None:
        finished = span(
            trace_id=TRACE, span_id=ROOT, project="p", name="chat", start_ns=3, end_ns=8
        )
        event = {"name": "gen_ai.choice", "time_ns": 4, "attributes": {}}
        told_first = patch(start_ns=4, events=(event,), attributes={"a": 1}, input="hi")

        async def work() -> None:
            told = assembler(store)
            await told.patch("p", [told_first])
            merged = await told.merge_open([finished])
            await asyncio.wrap_future(store.append(spans=merged))
            assert await told.merge_open([finished]) == merged  # as after a write that failed

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.name, found.start_ns, found.open, found.revision) == ("chat", 3, False, 0)
        assert (len(found.events), found.attributes, found.input) == (1, {"a": 1}, "hi")

    @pytest.mark.parametrize("forgotten", ["by a restart", "for want of memory"])
    def test_also_over_what_is_not_in_memory_any_more(
        self, store: TelemetryStore, forgotten: str
    ) -> None:
        finished = span(trace_id=TRACE, span_id=ROOT, project="p", name="chat", start_ns=3)
        event = {"name": "gen_ai.choice", "time_ns": 4, "attributes": {}}

        async def work() -> None:
            told = assembler(store, most_bytes=1)
            await told.patch("p", [patch(start_ns=4, events=(event,), session="s1")])
            await told.patch("p", [patch(CHILD, start_ns=5)])
            if forgotten == "by a restart":
                told = assembler(store)
            merged = await told.merge_open([finished])
            await asyncio.wrap_future(store.append(spans=merged))
            assert (await told.merge_open([finished]))[0].events == (event,)

        run(work)
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.name, found.open, found.session, found.events) == (
            "chat",
            False,
            "s1",
            (event,),
        )

    @pytest.mark.parametrize("told_as", ["a span", "a patch"])
    def test_what_came_before_is_replaced_however_much_later_it_began(
        self, store: TelemetryStore, told_as: str
    ) -> None:
        day_ns = 24 * 3600 * 10**9
        finished = span(
            trace_id=TRACE, span_id=ROOT, project="p", name="chat", start_ns=1, end_ns=day_ns
        )

        async def work() -> None:
            told = assembler(store)
            await told.patch("p", [patch(start_ns=day_ns, input="hi")])
            if told_as == "a span":
                for _ in range(2):
                    merged = await told.merge_open([finished])
                    await asyncio.wrap_future(store.append(spans=merged))
            else:
                whole = patch(name="chat", start_ns=1, end_ns=day_ns, finished=True)
                await told.patch("p", [whole])
                await told.patch("p", [whole])

        run(work)
        [found] = store.trace("p", TRACE)
        assert (found.name, found.input, found.open) == ("chat", "hi", False)

    def test_a_span_known_by_an_event_alone_began_with_it(self, store: TelemetryStore) -> None:
        events = tuple({"name": "gen_ai.choice", "time_ns": n, "attributes": {}} for n in (7, 4))
        run(lambda: assembler(store).patch("p", [patch(events=events)]))
        found = store.span("p", TRACE, ROOT)
        assert found is not None
        assert (found.start_ns, found.end_ns) == (4, 4)

    def test_a_span_that_was_only_announced_is_replaced_whole(self, store: TelemetryStore) -> None:
        announced = span(
            trace_id=TRACE, span_id=ROOT, project="p", open=True, revision=-1, attributes={"a": 1}
        )
        finished = span(trace_id=TRACE, span_id=ROOT, project="p")

        async def work() -> None:
            await asyncio.wrap_future(store.append(spans=[announced]))
            assert await assembler(store).merge_open([finished]) == [finished]

        run(work)

    def test_a_store_that_cannot_be_read_holds_up_no_span(self, store: TelemetryStore) -> None:
        async def work() -> None:
            store.close()
            spans = [span()]
            assert await assembler(store).merge_open(spans) is spans

        run(work)

    def test_while_nothing_is_open_spans_pass_untouched(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            spans = [span()]
            assert await told.merge_open(spans) is spans
            await told.patch("p", [patch(start_ns=1, end_ns=2, finished=True)])
            assert await told.merge_open(spans) is spans

        run(work)


class TestBelow:
    def test_spans_take_over_whose_session_they_are_part_of(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            child = patch(CHILD, parent_id=ROOT, start_ns=2, end_ns=3, finished=True)
            await told.patch("p", [patch(start_ns=1, session="s1", user="u1")])
            await told.patch("p", [child])

        run(work)
        found = store.span("p", TRACE, CHILD)
        assert found is not None
        assert (found.session, found.user) == ("s1", "u1")

    def test_also_when_the_session_is_known_only_at_the_end(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            child = patch(CHILD, parent_id=ROOT, start_ns=2, end_ns=3, user="own", finished=True)
            await told.patch("p", [patch(start_ns=1), child])
            await told.patch("p", [patch(end_ns=4, session="s1", user="u1", finished=True)])

        run(work)
        found = store.span("p", TRACE, CHILD)
        assert found is not None
        assert (found.session, found.user) == ("s1", "own")


class TestRoots:
    INFO = patch("0123456789abcdef", name="t", start_ns=1, end_ns=2, session="s1", finished=True)
    SPANS = (
        span(trace_id=TRACE, span_id=ROOT, project="p", name="root"),
        span(trace_id=TRACE, span_id=CHILD, parent_id=ROOT, project="p", name="child"),
    )

    def check(self, store: TelemetryStore, expected: set[tuple[str, str | None, str]]) -> None:
        found = {(s.name, s.parent_id, s.session or "") for s in stored(store)}
        assert found == expected

    def test_what_is_said_of_a_trace_goes_to_its_root(self, store: TelemetryStore) -> None:
        async def work() -> None:
            await asyncio.wrap_future(store.append(spans=self.SPANS))
            await assembler(store).patch_root("p", self.INFO)

        run(work)
        self.check(store, {("root", None, "s1"), ("child", ROOT, "s1")})

    def test_also_when_the_root_is_on_its_way(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            said = asyncio.create_task(told.patch_root("p", self.INFO, wait_s=10))
            await asyncio.sleep(0)  # until it waits
            merged = await told.merge_open(self.SPANS)
            await asyncio.wrap_future(store.append(spans=merged))
            await said

        run(work)
        self.check(store, {("root", None, "s1"), ("child", ROOT, "s1")})

    def test_also_when_it_is_said_again_meanwhile(self, store: TelemetryStore) -> None:
        async def work() -> None:
            told = assembler(store)
            said = [
                asyncio.create_task(told.patch_root("p", self.INFO, wait_s=1)) for _ in range(2)
            ]
            await asyncio.sleep(0)  # until both wait
            merged = await told.merge_open(self.SPANS)
            await asyncio.wrap_future(store.append(spans=merged))
            await asyncio.gather(*said)

        run(work)
        self.check(store, {("root", None, "s1"), ("child", ROOT, "s1")})

    def test_a_root_that_comes_much_later_takes_the_place_of_its_stand_in(
        self, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            told = assembler(store)
            await told.patch_root("p", self.INFO, wait_s=0)
            assert [s.name for s in stored(store)] == ["t"]
            await asyncio.wrap_future(store.append(spans=await told.merge_open(self.SPANS)))

        run(work)
        self.check(
            store, {("t as reported", ROOT, "s1"), ("root", None, "s1"), ("child", ROOT, "s1")}
        )

    def test_also_when_the_root_is_being_written(self, store: TelemetryStore) -> None:
        async def work() -> None:
            begun, free = asyncio.Event(), asyncio.Event()

            def load() -> Any:
                if begun.is_set():
                    return None
                begun.set()
                return free.wait()

            ingest = _ingest(Busy(store, load))
            writing = asyncio.create_task(ingest.write(self.SPANS))
            await begun.wait()
            said = asyncio.create_task(ingest.assembler.patch_root("p", self.INFO, wait_s=0))
            # Time enough to look for the root and not to find it.
            await asyncio.wait([said], timeout=0.2)
            free.set()
            await asyncio.gather(writing, said)

        run(work)
        self.check(store, {("root", None, "s1"), ("child", ROOT, "s1")})

    def test_also_when_the_root_comes_just_before_its_stand_in_is_there(
        self, store: TelemetryStore
    ) -> None:
        async def work() -> None:
            slow = _SlowToRead(store)
            told = assembler(slow)
            await told.merge_open([span(project="p")])  # asks what is open, once
            said = asyncio.create_task(told.patch_root("p", self.INFO, wait_s=0))
            await asyncio.to_thread(slow.asked.wait)
            await asyncio.wrap_future(store.append(spans=await told.merge_open(self.SPANS)))
            slow.free.set()
            await said

        run(work)
        self.check(
            store, {("t as reported", ROOT, "s1"), ("root", None, "s1"), ("child", ROOT, "s1")}
        )

    @pytest.mark.parametrize(
        "order", [*itertools.permutations(["info", "root", "child"])], ids="-".join
    )
    def test_the_order_changes_nothing_in_what_holds_for_all_spans(
        self, store: TelemetryStore, order: tuple[str, ...]
    ) -> None:
        async def work() -> None:
            ingest = _ingest(store)
            for piece in order:
                if piece == "info":
                    await ingest.assembler.patch_root("p", self.INFO, wait_s=0)
                else:
                    await ingest.write([one for one in self.SPANS if one.name == piece])

        run(work)
        stood_in = order.index("info") < order.index("root")
        self.check(
            store,
            {("root", None, "s1"), ("child", ROOT, "s1")}
            | ({("t as reported", ROOT, "s1")} if stood_in else set()),
        )


class _SlowToRead:
    """The real store, whose spans are read when the test says so."""

    def __init__(self, real: TelemetryStore) -> None:
        self._real = real
        self.asked, self.free = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def spans(self, query: SpanQuery) -> list[Span]:
        self.asked.set()
        self.free.wait()
        return self._real.spans(query)


class _NoSpool:
    async def record(self, spans: Sequence[Span]) -> None:
        raise AssertionError("the store is there")


def _ingest(store: Any) -> Ingest:
    return Ingest(store, _NoSpool(), price=lambda span: span, clock=SystemClock())


TIMES = st.integers(0, 10)
PIECES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "start_ns": TIMES,
            "end_ns": TIMES,
            "tags": st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
            "metadata": st.dictionaries(st.sampled_from("xyz"), st.just(1)),
        },
    ),
    max_size=6,
)


@given(PIECES, st.randoms())
def test_times_tags_and_metadata_do_not_depend_on_the_order(
    pieces: list[dict[str, Any]], random: Any
) -> None:
    def told(order: list[dict[str, Any]]) -> tuple[Any, ...]:
        key = Key("p", TRACE, ROOT)
        known = begun(key, patch(start_ns=5), 5)
        for piece in order:
            known = patched(known, patch(**piece))
        return known.start_ns, known.end_ns, set(known.tags), known.metadata

    shuffled = list(pieces)
    random.shuffle(shuffled)
    assert told(pieces) == told(shuffled)


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=3), st.text(max_size=5))
def test_a_finished_span_is_believed_before_its_fragment(
    attributes: dict[str, int], name: str
) -> None:
    finished = span(trace_id=TRACE, span_id=ROOT, name=name, attributes=attributes)
    fragment = replace(finished, name="other", attributes=dict.fromkeys(attributes, 0), user="u")
    whole = completed(finished, fragment)
    assert whole == replace(finished, user="u")
