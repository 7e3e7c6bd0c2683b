"""What cannot work is refused before it costs a call, or after very few."""

from __future__ import annotations

import sys

import pytest
from tests.optimise.jobs import optimised
from tests.optimise.simulator import Simulator, rows, simulated
from tests.upstream import error_json

from trimtab.errors import InvalidRequest, MissingExtra, TrimtabError

ROWS = rows(2)


@pytest.mark.parametrize("calls", [1, 50, 150])
def test_too_small_a_budget_is_refused_before_a_call(calls: int) -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream, pytest.raises(InvalidRequest, match="too few"):
        optimised(upstream, ROWS, calls=calls)
    assert simulator.calls == 0


def test_a_model_that_is_not_there_costs_three_calls() -> None:
    simulator = Simulator(before=lambda _: error_json(404, "no such model", "model_not_found"))
    with simulated(simulator) as upstream, pytest.raises(TrimtabError, match="no such model"):
        optimised(upstream, ROWS, calls=900)
    assert simulator.calls == 3


def test_a_metric_that_judges_nothing_costs_three_calls() -> None:
    unexpected = [{**row, "expected": None} for row in ROWS]
    simulator = Simulator()
    with simulated(simulator) as upstream, pytest.raises(InvalidRequest, match="missing: expected"):
        optimised(upstream, unexpected, calls=900)
    assert simulator.calls == 3


def test_a_row_that_the_prompt_cannot_be_filled_with_is_named() -> None:
    without = [{**row, "input": {"question": row["input"]["question"]}} for row in ROWS]
    simulator = Simulator()
    with simulated(simulator) as upstream, pytest.raises(TrimtabError, match="lacks variables"):
        optimised(upstream, without, calls=900)
    assert simulator.calls == 0


def test_without_its_extra_gepa_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gepa", None)
    simulator = Simulator()
    with (
        simulated(simulator) as upstream,
        pytest.raises(MissingExtra, match=r"pip install 'trimtab\[gepa\]'"),
    ):
        optimised(upstream, ROWS, algo="gepa", calls=900)
    assert simulator.calls == 0
