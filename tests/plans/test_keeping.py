"""Records of runs are whole while they are needed, and hide what they must from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert, json
from msgspec.structs import replace
from tests.plans.laboratory import ANN, CLOCK, Model, ended, plans, stored
from tests.tables import metadata_in

from trimtab.errors import Conflict
from trimtab.plans.execute import Plans
from trimtab.plans.keeping import DONE_S, LEFT_S
from trimtab.records import PlanRun, Span
from trimtab.stores.metadata.sql import SQLMetadata

STEPS = [
    {"name": "a", "ask": "m", "message": "{{ inputs.text }}"},
    {"name": "b", "each": "{{ [steps.a.output] }}", "inputs": {"said": "{{ item }}"}},
]
FORM = {"inputs": {"text": "string"}}


def hiding(span: Span) -> Span:
    """Hides every SECRET of a span; the same one where there is none."""
    text = json.encode([span.input, span.output, span.error])
    if b"SECRET" not in text:
        return span
    said = convert(json.decode(text.replace(b"SECRET", b"***")), tuple[Any, Any, str | None])
    return replace(span, input=said[0], output=said[1], error=said[2])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as opened:
        yield opened


class Failing(Model):
    async def __call__(self, *_: Any) -> Any:
        raise Conflict("no, SECRET")


def after(
    store: SQLMetadata, said: str, model: Model, then: Callable[[Plans, PlanRun], Any]
) -> tuple[PlanRun, Any]:
    """A run of a plan that was told something, its time of being kept over; and what came of
    `then`."""

    async def go() -> tuple[PlanRun, Any]:
        station = plans(store, lambda _: model, redact=hiding)
        run = await station.start(stored(store, *STEPS, **FORM), {"text": said}, ANN)
        over = await ended(store, run.plan_run_id)
        assert over.redact_ns is not None
        store.plans.put_run(replace(over, redact_ns=CLOCK.now_ns()))
        await station._look()
        found = store.plans.run("default", over.plan_run_id)
        try:
            return found, await then(station, found)
        finally:
            await station.stop()

    return asyncio.run(go())


async def nothing(*_: Any) -> None:
    pass


def everything(store: SQLMetadata, run: PlanRun) -> bytes:
    return json.encode([run, *store.plans.steps("default", run.plan_run_id)])


@pytest.mark.parametrize("model", [Model(), Failing()], ids=["done", "failed"])
def test_what_must_be_hidden_is_in_no_part_of_an_old_record(
    store: SQLMetadata, tmp_path: Path, model: Model
) -> None:
    many = 5_000  # of which some were on pages that the file has no use for now
    run, _ = after(store, "my" + " SECRET" * many, model, nothing)
    assert (run.hidden, run.redact_ns) == (True, None)
    assert run.inputs == {"text": "my" + " ***" * many}
    assert b"SECRET" not in everything(store, run)
    assert [one.step for one in store.plans.steps("default", run.plan_run_id)]
    store.close()
    assert all(b"SECRET" not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_run_of_which_parts_are_hidden_is_neither_replayed_nor_resumed(
    store: SQLMetadata,
) -> None:
    for model, then in (
        (Model(), lambda station, run: station.replay("default", run.plan_run_id, ANN)),
        (Failing(), lambda station, run: station.resume("default", run.plan_run_id, ANN)),
    ):
        with pytest.raises(Conflict, match="hidden by the policy"):
            after(store, "my SECRET", model, then)


def test_a_record_with_nothing_to_hide_is_replayed_for_ever(store: SQLMetadata) -> None:
    async def replayed(station: Plans, run: PlanRun) -> PlanRun:
        begun = await station.replay("default", run.plan_run_id, ANN)
        return await ended(store, begun.plan_run_id)

    run, again = after(store, "hello", Model(), replayed)
    assert (run.hidden, run.redact_ns) == (False, None)
    assert (again.status, again.calls, again.output) == ("done", 0, run.output)


@pytest.mark.parametrize(("model", "kept_s"), [(Model(), DONE_S), (Failing(), LEFT_S)])
def test_a_record_is_whole_for_a_while(store: SQLMetadata, model: Model, kept_s: float) -> None:
    async def go() -> PlanRun:
        station = plans(store, lambda _: model, redact=hiding)
        run = await station.start(stored(store, *STEPS, **FORM), {"text": "my SECRET"}, ANN)
        over = await ended(store, run.plan_run_id)
        await station._look()
        await station.stop()
        return over

    over = asyncio.run(go())
    assert store.plans.run("default", over.plan_run_id).inputs == {"text": "my SECRET"}
    assert over.ended_ns is not None
    assert over.redact_ns == over.ended_ns + int(kept_s * 1e9)


def test_a_run_that_is_resumed_is_not_redacted_under_its_hands(store: SQLMetadata) -> None:
    async def go() -> PlanRun:
        station = plans(store, lambda _: Failing(), redact=hiding)
        run = await station.start(stored(store, *STEPS, **FORM), {"text": "my SECRET"}, ANN)
        await ended(store, run.plan_run_id)
        await station.stop()
        second = plans(store, lambda _: Model(delay_s=5), redact=hiding)
        await second.resume("default", run.plan_run_id, ANN)
        found = store.plans.run("default", run.plan_run_id)
        await second.stop()
        return found

    found = asyncio.run(go())
    assert (found.status, found.redact_ns) == ("running", None)
