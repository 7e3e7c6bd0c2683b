"""A run belongs to one process, whoever else shares the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.plans.laboratory import ANN, CLOCK, Model, begun, ended, plans, stored
from tests.tables import metadata_in

from trimtab.errors import Conflict
from trimtab.plans import execute, execution
from trimtab.records import PlanRun, Principal
from trimtab.stores.metadata.sql import SQLMetadata


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as opened:
        yield opened


STEPS = [
    {"name": "a", "ask": "m", "message": "a"},
    {"name": "b", "ask": "m", "message": "b{{ steps.a.output }}"},
]


def test_a_run_is_left_to_its_owner_until_that_is_silent(
    store: SQLMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(stored(store, *STEPS), [], store)
    store.plans.put_run(replace(run, owner="other:1"))
    model = Model()

    async def go() -> PlanRun:
        station = plans(store, lambda _: model)
        await station.watch()
        assert store.plans.run("default", run.plan_run_id).owner == "other:1"
        assert model.asked == []
        long_ago = CLOCK.now_ns() - int((execute.SILENT_S + 1) * 1e9)
        store.plans.put_run(replace(run, owner="other:1", heard_ns=long_ago))
        await station.stop()
        second = plans(store, lambda _: model)
        await second.watch()
        over = await ended(store, run.plan_run_id)
        await second.stop()
        return over

    over = asyncio.run(go())
    assert (over.status, over.takeovers, len(model.asked)) == ("done", 1, 2)


def test_of_many_who_would_take_a_run_over_one_does(store: SQLMetadata) -> None:
    run = begun(stored(store, *STEPS), [], store)
    model = Model(delay_s=0.01)

    async def go() -> PlanRun:
        stations = [plans(store, lambda _: model, f"s{n}") for n in range(6)]
        await asyncio.gather(*(station.watch() for station in stations))
        over = await ended(store, run.plan_run_id)
        await asyncio.gather(*(station.stop() for station in stations))
        return over

    assert asyncio.run(go()).output == "[b[a]]"
    assert model.asked == ["a", "b[a]"]


def test_whoever_lost_a_run_writes_nothing_more_of_it(
    store: SQLMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "BEAT_S", 0.02)
    slow, quick = Model(delay_s=0.5), Model()

    async def go() -> PlanRun:
        first, second = plans(store, lambda _: slow, "s1"), plans(store, lambda _: quick, "s2")
        run = await first.start(stored(store, *STEPS), {}, ANN)
        for _ in range(1_000):
            if slow.asked:
                break
            await asyncio.sleep(0.01)
        # The first is thought dead, as a machine that was suspended is.
        mine = store.plans.run("default", run.plan_run_id)
        store.plans.put_run(replace(mine, owner=None))
        await second.watch()
        over = await ended(store, run.plan_run_id)
        await asyncio.sleep(0.1)
        await asyncio.gather(first.stop(), second.stop())
        return over

    over = asyncio.run(go())
    assert (over.status, over.output, slow.asked, quick.asked) == (
        "done",
        "[b[a]]",
        ["a"],
        ["a", "b[a]"],
    )
    assert store.plans.run("default", over.plan_run_id) == over


def test_a_run_that_kills_whoever_executes_it_is_given_up(store: SQLMetadata) -> None:
    run = begun(stored(store, *STEPS), [], store)
    store.plans.put_run(replace(run, owner="s1:9", takeovers=execute.MOST_TAKEOVERS))
    model = Model()

    async def go() -> None:
        station = plans(store, lambda _: model)
        await station.watch()
        await station.stop()

    asyncio.run(go())
    over = store.plans.run("default", run.plan_run_id)
    assert (over.status, model.asked) == ("interrupted", [])
    assert "dies" in str(over.error)


@pytest.mark.parametrize("changed", ["record", "plan"])
def test_a_record_of_something_else_is_never_mixed_in(store: SQLMetadata, changed: str) -> None:
    plan = stored(store, *STEPS)
    model = Model()

    async def first() -> Any:
        station = plans(store, lambda _: model)
        run = await station.start(plan, {}, ANN)
        over = await ended(store, run.plan_run_id)
        await station.stop()
        return over

    over = asyncio.run(first())
    step = store.plans.steps("default", over.plan_run_id)[0]
    if changed == "record":
        step = replace(step, request={**step.request, "model": "other"})
    run = begun(plan, [step], store)
    if changed == "plan":
        store.plans.put_run(replace(run, plan_digest="0"))

    async def go() -> PlanRun:
        station = plans(store, lambda _: model)
        await station.watch()
        found = await ended(store, run.plan_run_id)
        await station.stop()
        return found

    found = asyncio.run(go())
    wanted = "is not of what" if changed == "record" else "is not what it was"
    assert (found.status, wanted in str(found.error)) == ("failed", True)
    assert len(model.asked) == 2


def test_who_is_not_allowed_to_any_more_asks_nobody(store: SQLMetadata) -> None:
    run = begun(stored(store, *STEPS), [], store)

    def nobody(_: PlanRun) -> Model:
        raise Conflict("the key may not run plans any more")

    async def go() -> PlanRun:
        station = plans(store, nobody)
        await station.watch()
        over = await ended(store, run.plan_run_id)
        await station.stop()
        return over

    assert "may not run plans any more" in str(asyncio.run(go()).error)
    assert Principal(id="x", project="p").may("plans:run")
