"""Cases that only the baseline lacks hide no loss, and a reason says which run lacks them."""

from __future__ import annotations

import pytest
from tests.stations.measured import examples, measured

from trimtab.experiments.decision import decide
from trimtab.experiments.suite import SuiteGate

ROWS = examples(200)


@pytest.mark.parametrize(
    ("passed_before", "lacking_before", "passed_after", "lacking_after", "outcome", "said"),
    [
        (180, 10, 60, 0, "fail", "proved worse (p<0.0001), whatever the 10 cases"),
        (180, 100, 150, 0, "inconclusive", "; 100 cases of the baseline have no score"),
        (180, 0, 60, 10, "inconclusive", "; 10 cases of the candidate have no score"),
        (180, 10, 60, 12, "inconclusive", "no score and 12 cases of the candidate have no score"),
        (60, 10, 180, 0, "inconclusive", "; 10 cases of the baseline have no score"),
        (180, 2, 60, 0, "fail", "proved worse (p<0.0001)"),
    ],
)
def test_a_loss_that_missing_cases_cannot_hide_fails(
    passed_before: int,
    lacking_before: int,
    passed_after: int,
    lacking_after: int,
    outcome: str,
    said: str,
) -> None:
    sides = []
    for name, passed, lacking in (
        ("base", passed_before, lacking_before),
        ("new", passed_after, lacking_after),
    ):
        scores = [None if n < lacking else n < passed for n in range(200)]
        sides.append(measured(name, {"exact": scores}))
    found = decide(sides[1], ROWS, SuiteGate(), baseline=sides[0])
    assert found is not None
    assert found.outcome == outcome
    assert said in found.reasons[0]
