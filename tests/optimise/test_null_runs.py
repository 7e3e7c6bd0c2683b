"""Where nothing is better, next to nothing is promoted, whatever was chosen on the dev split."""

from __future__ import annotations

import pytest
from tests.optimise.nulls import null_runs


@pytest.mark.slow
def test_at_most_one_in_twenty_null_runs_promotes_anything() -> None:
    found = null_runs(200)
    chosen = [one for one in found if one.chosen]
    assert len(chosen) > 150, "there was hardly anything to be wrong about"
    assert sum(one.gain_on_dev for one in chosen) / len(chosen) > 0.05
    assert sum(one.promoted for one in found) <= 10
