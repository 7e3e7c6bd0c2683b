"""The ledger: every call counts once, whatever is repeated, cut off or away."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tables import metadata_in

from trimtab.errors import NotDurable, StoreError
from trimtab.gateway.admission import Admission
from trimtab.gateway.asker import Askers
from trimtab.gateway.quotas import LocalQuotas
from trimtab.gateway.wanted import Wanted
from trimtab.governance.ledger import Ledger, increments
from trimtab.kit import jsonx
from trimtab.kit.clock import SystemClock
from trimtab.ports import Spend, SpendKey, SpendStore
from trimtab.records import Allowance, Span, Usage
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.tracing.recorder import decoded
from trimtab.tracing.spool import Spool

NOON_NS = 1_763_726_400_000_000_000  # 2025-11-21T12:00:00Z
Frame = tuple[tuple[int, ...], Span]


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[SQLMetadata]:
    store = metadata_in(tmp_path)
    yield store
    store.close()


def call(cost: str | None = "0.000000007", **changes: object) -> Span:
    fields: dict[str, object] = {
        "trace_id": "t",
        "span_id": "s",
        "name": "call",
        "kind": "llm",
        "service": "trimtab.gateway",
        "start_ns": NOON_NS,
        "end_ns": NOON_NS + 1,
        "usage": Usage(input=5, cache_read=2, output=3),
        "cost_usd": None if cost is None else Decimal(cost),
        "attributes": {"trimtab.key": "k1", "trimtab.team": "web", "trimtab.key_user": "ann"},
    }
    return Span(**{**fields, **changes})


def frames(*spans: Span, after: int = 0) -> list[Frame]:
    return [((1, after + at, at), span) for at, span in enumerate(spans, 1)]


def cost_of(store: SpendStore, kind: str = "key", name: str = "k1", period: str = "2025-11") -> int:
    key = SpendKey("default", kind, name, period)
    return store.spent([key])[key].cost_nano_usd


class Moody:
    """A spend store that fails before, or after, it did what it was asked, as a test says."""

    def __init__(self, store: SpendStore) -> None:
        self.store = store
        self.moods: list[str] = []
        self.well = Event()

    def add(self, source: str, position: int, increments: Mapping[SpendKey, Spend]) -> bool:
        mood = self.moods.pop(0) if self.moods else "well"
        if mood == "away":
            raise StoreError("away")
        added = self.store.add(source, position, increments)
        if mood == "answer lost":
            raise StoreError("answer lost")
        self.well.set()
        return added


class TestIncrements:
    def test_a_call_counts_for_the_day_and_the_month_of_each_of_its_nodes(self) -> None:
        found = dict(increments(call()))
        nodes = [("key", "k1"), ("user", "ann"), ("team", "web"), ("project", "default")]
        assert list(found) == [
            SpendKey("default", kind, name, period)
            for kind, name in nodes
            for period in ("2025-11-21", "2025-11")
        ]
        assert set(found.values()) == {
            Spend(requests=1, tokens_input=7, tokens_output=3, cost_nano_usd=7)
        }

    def test_the_period_is_that_of_the_admission(self) -> None:
        span = call(attributes={"trimtab.period": "2025-10-31"})
        assert [key.period for key, _ in increments(span)] == ["2025-10-31", "2025-10"]

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"cost": None}, Spend(1, 7, 3, 0, 1)),
            ({"cost": None, "usage": None}, Spend(requests=1, unpriced_requests=1)),
            ({"cost": None, "usage": None, "status": "error"}, Spend(requests=1)),
            ({"cost": "0"}, Spend(1, 7, 3)),
            ({"kind": "embedding"}, Spend(1, 7, 3, 7)),
            ({"kind": "chain"}, None),
            ({"kind": "tool"}, None),
            ({"service": "somebody.else"}, None),
            ({"open": True}, None),
        ],
    )
    def test_only_calls_of_the_gateway_count(
        self, changes: dict[str, object], expected: Spend | None
    ) -> None:
        found = {spend for _, spend in increments(call(**changes))}
        assert found == (set() if expected is None else {expected})


class TestOnce:
    def test_what_was_followed_is_in_the_store_after_a_send(
        self, metadata: SQLMetadata, tmp_path: Path
    ) -> None:
        ledger = Ledger(metadata.spend, tmp_path / "ledger")
        ledger.follow(frames(call(), call()))
        assert cost_of(metadata.spend) == 0
        ledger.send()
        ledger.send()
        assert cost_of(metadata.spend) == 14

    def test_spans_that_come_again_in_other_batches_change_nothing(
        self, metadata: SQLMetadata, tmp_path: Path
    ) -> None:
        spans = frames(*[call()] * 6)
        Ledger(metadata.spend, tmp_path / "ledger").follow(spans[:3])
        ledger = Ledger(metadata.spend, tmp_path / "ledger")  # after a crash
        ledger.follow(spans[:5])
        ledger.follow(spans[2:])
        ledger.send()
        assert cost_of(metadata.spend) == 42

    @pytest.mark.parametrize("mood", ["away", "answer lost"])
    def test_a_store_that_fails_holds_nothing_up_and_misses_nothing(
        self, metadata: SQLMetadata, tmp_path: Path, mood: str
    ) -> None:
        moody = Moody(metadata.spend)
        ledger = Ledger(moody, tmp_path / "ledger")
        spans = frames(*[call()] * 4)
        for at in range(4):
            moody.moods = [mood]
            ledger.follow(spans[at : at + 1])
            with pytest.raises(StoreError):
                ledger.send()
        ledger = Ledger(moody, tmp_path / "ledger")
        ledger.send()
        assert cost_of(metadata.spend) == 28

    def test_every_call_of_a_real_spool_counts_once_however_often_it_is_delivered(
        self, metadata: SQLMetadata, tmp_path: Path
    ) -> None:
        async def work() -> None:
            for life in range(3):
                spool = Spool.open(tmp_path / "spool", segment_bytes=2_000)
                ledger = Ledger(metadata.spend, tmp_path / "ledger")
                for _ in range(10):
                    await spool.append([jsonx.encode(call()) for _ in range(3)])
                read = [(frame.position, decoded(frame)) for frame in spool.read()]
                for at in range(0, len(read), 7):
                    ledger.follow(read[at : at + 7])
                    if life != 1:  # in its second life it is killed before it commits anything
                        spool.commit(read[at][0])
                ledger.send()
                spool.close()

        asyncio.run(work())
        assert cost_of(metadata.spend) == 3 * 30 * 7

    def test_what_cannot_be_written_down_is_not_taken_over(
        self, metadata: SQLMetadata, tmp_path: Path
    ) -> None:
        path = tmp_path / "there" / "ledger"
        path.parent.mkdir()
        ledger = Ledger(metadata.spend, path)
        path.parent.rmdir()
        with pytest.raises(NotDurable):
            ledger.follow(frames(call()))
        path.parent.mkdir()
        ledger.follow(frames(call()))
        ledger.send()
        assert cost_of(metadata.spend) == 7

    def test_a_damaged_file_is_set_aside_and_what_follows_counts(
        self, metadata: SQLMetadata, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "ledger"
        first = Ledger(metadata.spend, path)
        first.follow(frames(call()))
        first.send()
        path.write_bytes(b"{")
        ledger = Ledger(metadata.spend, path)
        ledger.follow(frames(call(), after=10))
        ledger.send()
        assert cost_of(metadata.spend) == 14
        assert "ledger.damaged is damaged" in caplog.text

    def test_the_background_task_waits_for_the_store_to_come_back(
        self, metadata: SQLMetadata, tmp_path: Path
    ) -> None:
        moody = Moody(metadata.spend)
        moody.moods = ["away", "answer lost"]

        async def work() -> None:
            ledger = Ledger(moody, tmp_path / "ledger", every_s=0.01)
            ledger.start()
            ledger.follow(frames(call()))
            assert await asyncio.to_thread(moody.well.wait, 10)
            ledger.follow(frames(call(), after=5))
            await ledger.stop()

        asyncio.run(asyncio.wait_for(work(), 60))
        assert cost_of(metadata.spend) == 14


steps = st.lists(
    st.sampled_from(["follow 1", "follow 3", "crash", "send", "away", "answer lost", "rewind"]),
    max_size=30,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLMetadata]:
    """One database for many examples, which differ in the name of their key."""
    store = metadata_in(tmp_path_factory.mktemp("shared"))
    yield store
    store.close()


@settings(max_examples=50, deadline=None)
@given(steps=steps, costs=st.lists(st.integers(0, 10**12), min_size=12, max_size=12))
def test_costs_of_spans_and_spend_and_budgets_are_equal_after_any_interleaving(
    shared: SQLMetadata, steps: list[str], costs: list[int]
) -> None:
    """The spool is read on from what it was told to forget, which may lag; all else may fail."""
    moody = Moody(shared.spend)
    name = uuid4().hex
    spans = frames(
        *(call(str(Decimal(cost) / 10**9), attributes={"trimtab.key": name}) for cost in costs)
    )
    with tempfile.TemporaryDirectory() as home:
        path, read, committed = Path(home, "ledger"), 0, 0
        ledger = Ledger(moody, path)
        for step in [*steps, *["follow 3"] * 4, "send"]:
            if step.startswith("follow"):
                end = read + int(step[-1])
                ledger.follow(spans[read:end])
                committed, read = read, min(len(spans), end)
            elif step == "rewind":
                read = committed
            elif step == "crash":
                ledger, read = Ledger(moody, path), committed
            else:
                moody.moods = [step]
                with contextlib.suppress(StoreError):
                    ledger.send()
                moody.moods = []
    assert cost_of(shared.spend, name=name) == sum(costs) == asyncio.run(_budget_after(costs))


async def _budget_after(costs: list[int]) -> int:
    """What admission counts for the same calls, each estimated at something else."""
    clock = SystemClock()
    limit = Allowance(kind="key", name="k1", monthly_usd=Decimal(10**6))
    admission = Admission(Askers([limit]), LocalQuotas(clock), clock)
    asker = admission.askers.asker("default", key="k1")
    for cost in costs:
        reservation = await admission.reserve(asker, Wanted("m", cost_nano_usd=123_456))
        reservation.settle(Usage(input=1), Decimal(cost) / 10**9)
    [state] = await admission.explain(asker)
    return int(state.used * 10**9)
