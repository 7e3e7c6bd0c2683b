"""No run uses more than its plan allows, whatever goes on at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.plans.conftest import Bench, ask
from tests.plans.laboratory import ANN, Model, begun, ended, plans, stored
from tests.tables import metadata_in

from trimtab.errors import Blocked, ProviderUnavailable, RateLimited, TrimtabError
from trimtab.plans.asking import On, Said
from trimtab.records import PlanRun
from trimtab.stores.metadata.sql import SQLMetadata


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as opened:
        yield opened


def many(items: int, **fields: Any) -> dict[str, Any]:
    each = "{{ range(" + str(items) + ") | list }}"
    return {"name": "many", "ask": "m", "message": "{{ item }}", "each": each, **fields}


def run(store: SQLMetadata, model: Model, plan: Any) -> PlanRun:
    async def go() -> PlanRun:
        station = plans(store, lambda _: model)
        begun = await station.start(plan, {}, ANN)
        over = await ended(store, begun.plan_run_id)
        await station.stop()
        return over

    return asyncio.run(go())


@pytest.mark.parametrize("calls", [1, 3, 20])
def test_calls_are_never_more_than_the_budget(store: SQLMetadata, calls: int) -> None:
    model = Model(delay_s=0.002)
    over = run(store, model, stored(store, many(30), budget={"calls": calls}))
    assert (over.status, len(model.asked), over.calls) == ("failed", calls, calls)
    assert over.error is not None
    assert f"its {calls} calls are made" in over.error


class Guarded(Model):
    """Turns every call away twice before it answers: `error` says why."""

    def __init__(self, error: TrimtabError) -> None:
        super().__init__()
        self.error = error
        self.turned_away: Counter[str] = Counter()

    async def __call__(self, request: Mapping[str, Any], on: On) -> Said:
        text = str(request["messages"][0]["content"])
        self.turned_away[text] += 1
        if self.turned_away[text] <= 2:
            raise self.error
        return await super().__call__(request, on)


@pytest.mark.parametrize(
    ("error", "status", "calls"),
    [
        (RateLimited("a limit of the key", retry_after_s=0.01), "done", 4),
        (ProviderUnavailable("its breaker is open"), "done", 4),
        (RateLimited("said the provider", retry_after_s=0.01, cost_usd=Decimal(0)), "failed", 4),
    ],
)
def test_a_call_that_no_provider_saw_is_none_of_the_budget(
    store: SQLMetadata, error: TrimtabError, status: str, calls: int
) -> None:
    over = run(store, Guarded(error), stored(store, many(4), budget={"calls": 4}))
    assert (over.status, over.calls) == (status, calls)


def test_what_a_refusal_cost_is_spent(store: SQLMetadata) -> None:
    refusal = Blocked("the model refused", cost_usd=Decimal("0.02"))
    over = run(store, Guarded(refusal), stored(store, many(1), budget={"usd": 0.5}))
    assert (over.status, over.calls, over.cost_usd) == ("failed", 1, Decimal("0.02"))


@pytest.mark.parametrize(("usd", "fit"), [(0.05, 4), (0.1, 9), (0.02, 1), (0.019, 0)])
def test_dollars_set_aside_are_never_more_than_the_budget(
    store: SQLMetadata, usd: float, fit: int
) -> None:
    """A call costs a cent and may cost two: as many fit as leave two for the last."""
    model = Model(delay_s=0.002)
    over = run(store, model, stored(store, many(30), budget={"usd": usd}))
    assert over.status == "failed"
    assert "US dollars are spent" in str(over.error)
    assert len(model.asked) == fit
    assert model.worst <= Decimal(str(usd))
    assert over.cost_usd == fit * Decimal("0.01")


def test_a_run_that_fits_is_done_though_not_all_of_it_fits_at_once(store: SQLMetadata) -> None:
    model = Model(delay_s=0.002)
    over = run(store, model, stored(store, many(20), budget={"usd": 0.21}))
    assert (over.status, len(model.asked), over.held_usd) == ("done", 20, None)
    assert model.worst <= Decimal("0.21")


def test_so_many_are_asked_at_once_and_no_more(store: SQLMetadata) -> None:
    model = Model(delay_s=0.01)
    assert run(store, model, stored(store, many(40))).status == "done"
    assert model.most_at_once == 8


def test_time_is_a_budget_too(store: SQLMetadata) -> None:
    model = Model(delay_s=0.2)
    over = run(store, model, stored(store, many(100), budget={"minutes": 0.01}))
    assert over.status == "failed"
    assert len(model.asked) < 60


def test_what_was_set_aside_when_a_server_died_counts_as_spent(store: SQLMetadata) -> None:
    plan = stored(store, many(5), budget={"usd": 0.1})
    left = begun(plan, [], store)
    lost = {"calls": 4, "cost_usd": Decimal("0.01"), "held_usd": Decimal("0.06")}
    store.plans.put_run(replace(left, **lost))
    model = Model()

    async def go() -> PlanRun:
        station = plans(store, lambda _: model)
        await station.watch()
        over = await ended(store, left.plan_run_id)
        await station.stop()
        return over

    over = asyncio.run(go())
    # 0.07 are gone; one call at 0.02 fits, after which 0.08 are, and one more.
    assert (over.status, len(model.asked)) == ("failed", 2)
    assert over.held_usd == Decimal("0.06")


@pytest.mark.parametrize("usd", [0.05, None])
def test_a_call_of_unknown_cost_counts_with_all_it_may_cost(
    store: SQLMetadata, usd: float | None
) -> None:
    """It timed out: nobody knows what was paid, now or when the run is taken up again."""
    slow = many(1, timeout_s=0.05, retries=0)
    first = {"name": "first", "ask": "m", "message": "x"}
    budget = {} if usd is None else {"usd": usd}
    plan = stored(store, first, {**slow, "after": ["first"]}, budget=budget)

    class Sleepy(Model):
        async def __call__(self, request: Any, on: Any) -> Any:
            self.delay_s = 0.0 if request["messages"][0]["content"] == "x" else 5.0
            return await super().__call__(request, on)

    model = Sleepy()

    async def go() -> list[PlanRun]:
        station = plans(store, lambda _: model)
        run = await station.start(plan, {}, ANN)
        found = [await ended(store, run.plan_run_id)]
        await station.resume("default", run.plan_run_id, ANN)
        found.append(await ended(store, run.plan_run_id))
        await station.stop()
        return found

    once, twice = asyncio.run(go())
    assert (once.status, once.calls, twice.calls) == ("failed", 2, 3)
    if usd is None:
        assert (once.cost_usd, twice.cost_usd) == (None, None)
    else:
        held = Decimal("0.02")
        assert (once.cost_usd, once.held_usd) == (Decimal("0.01"), held)
        assert (twice.cost_usd, twice.held_usd) == (Decimal("0.01"), 2 * held)


def test_dollars_of_the_gateway_are_bounded_by_the_price_and_the_longest_answer(
    bench: Bench,
) -> None:
    """An answer is 1,000 tokens at $10 a million; a bound of 1,500 leaves room for 6 in a dime."""
    message = "ECHO {{ item }}"
    each = "{{ range(20) | list }}"
    step = ask("many", message, each=each, parameters={"max_tokens": 1500})
    bench.put(step, budget={"usd": 0.1})
    over = bench.run({"text": ""})
    assert over["status"] == "failed"
    assert 5 <= len(bench.model.asked) <= 9
    assert float(over["cost_usd"]) <= 0.1


@pytest.mark.parametrize("model", ["far/free"])
def test_a_model_without_a_price_is_not_asked_on_a_budget(bench: Bench, model: str) -> None:
    bench.put({**ask("a", "ECHO x"), "ask": model}, budget={"usd": 1})
    over = bench.run({"text": ""})
    assert "nobody can say what a call of far/free costs" in over["error"]
    assert bench.model.asked == []
