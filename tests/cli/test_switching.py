"""A promotion is seen by every process soon; no request fails, none is answered by two releases."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.switching import measured

pytestmark = pytest.mark.slow

WITHIN_S = 5.0  # the aim is 1 s; what a busy machine adds is not what is tested here


def test_workers_of_one_server_are_told_at_once(tmp_path: Path) -> None:
    found = measured(tmp_path, workers=3, promotions=20)
    assert len(found.asked) > 500
    assert not found.failed
    assert not found.mixed
    assert {one.release for one in found.asked} == {"switched@1", "switched@2"}
    assert max(found.lateness_s("told")) < WITHIN_S


def test_another_server_over_the_same_metadata_sees_it_soon(tmp_path: Path) -> None:
    found = measured(tmp_path, workers=1, promotions=6, elsewhere=True)
    assert not found.failed
    assert not found.mixed
    assert max(found.lateness_s("told")) < WITHIN_S
