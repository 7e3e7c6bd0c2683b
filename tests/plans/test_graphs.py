"""Any graph of steps: in order, each once, and the same result from any prefix of its record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.plans.laboratory import ANN, Model, begun, ended, plans, stored
from tests.tables import metadata_in

from trimtab.errors import InvalidRequest
from trimtab.plans.graph import following, ordered
from trimtab.stores.metadata.sql import SQLMetadata


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLMetadata]:
    path = tmp_path_factory.mktemp("plans")
    with closing(metadata_in(path)) as opened:
        yield opened


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps that ask, fan out, only shape values, or are skipped; each may need any before it.

    They are declared in any order, and a last one takes them all.
    """
    count = draw(st.integers(1, 6))
    steps: list[dict[str, Any]] = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1))) if number else set()
        text = f"s{number}" + "".join(f" {{{{ steps.s{one}.output }}}}" for one in sorted(needs))
        kind = draw(st.sampled_from(["ask", "each", "values", "skipped"]))
        step: dict[str, Any] = {"name": f"s{number}"}
        if kind == "values":
            step["inputs"] = {"v": text}
        else:
            step |= {"ask": "m", "message": text}
        if kind == "each":
            step |= {"each": "{{ ['x', 'y'] }}", "message": text + " {{ item }}"}
        if kind == "skipped":
            step["when"] = "{{ 1 > 2 }}"
        steps.append(step)
    everything = "".join(f"{{{{ steps.s{one}.output }}}}" for one in range(count))
    steps.append({"name": "last", "inputs": {"all": everything}})
    return draw(st.permutations(steps))


def calls_of(steps: list[dict[str, Any]]) -> int:
    """How many calls these steps come to."""
    asking = [step for step in steps if "ask" in step and "when" not in step]
    return sum(2 if "each" in step else 1 for step in asking)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=graphs(), chance=st.randoms(use_true_random=False))
def test_any_graph_is_done_in_order_each_step_once_and_goes_on_from_any_prefix(
    store: SQLMetadata, steps: list[dict[str, Any]], chance: Any
) -> None:
    plan = stored(store, *steps, output="{{ steps.last.output.all }}")
    calls = calls_of(steps)

    async def whole() -> tuple[Any, Any, Model]:
        model = Model()
        station = plans(store, lambda _: model)
        run = await station.start(plan, {}, ANN)
        over = await ended(store, run.plan_run_id)
        await station.stop()
        return over, store.plans.steps("default", run.plan_run_id), model

    over, records, model = asyncio.run(whole())
    assert (over.status, over.calls, len(model.asked)) == ("done", calls, calls)
    assert max(Counter(model.asked).values(), default=1) == 1
    places = {(record.step, record.item): place for place, record in enumerate(records)}
    assert len(places) == len(records)
    needs = {
        step["name"]: [one["name"] for one in steps if f"steps.{one['name']}." in str(step)]
        for step in steps
    }
    for (name, _item), place in places.items():
        assert all(places[one, None] < place for one in needs[name]), "before what it needs"

    kept = chance.randint(0, len(records))
    prefix = list(records[:kept])

    async def rest() -> tuple[Any, Model]:
        model = Model()
        station = plans(store, lambda _: model)
        run = begun(plan, prefix, store)
        await station.watch()
        found = await ended(store, run.plan_run_id)
        await station.stop()
        return found, model

    again, second = asyncio.run(rest())
    assert (again.status, again.output) == ("done", over.output)
    paid = [record.request["messages"][0]["content"] for record in prefix if record.calls]
    assert Counter(second.asked) + Counter(paid) == Counter(model.asked)
    sent = {str(request) for request in model.requests}
    assert all(str(request) in sent for request in second.requests), "another request than before"


@given(
    st.dictionaries(
        st.integers(0, 30), st.sets(st.integers(0, 30), max_size=4), min_size=1, max_size=30
    )
)
def test_an_order_is_found_or_a_circle_is_named(edges: dict[int, set[int]]) -> None:
    needs = {f"{n}": frozenset(f"{m}" for m in edges[n] if m in edges and m != n) for n in edges}
    try:
        order = ordered(needs)
    except InvalidRequest as error:
        circle = error.what.partition(": ")[2].split(" needs ")
        assert circle[0] == circle[-1]
        assert len(circle) > 2
        assert all(two in needs[one] for one, two in pairwise(circle))
        return
    assert sorted(order) == sorted(needs)
    place = {name: number for number, name in enumerate(order)}
    assert all(place[one] < place[name] for name in needs for one in needs[name])
    first = order[0]
    assert following(needs, [first]) == {n for n in needs if n == first or _leads(needs, n, first)}


def _leads(needs: dict[str, frozenset[str]], name: str, to: str) -> bool:
    return any(one == to or _leads(needs, one, to) for one in needs[name])
