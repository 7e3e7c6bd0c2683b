"""A recording backend, and programs that send to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sdk.collector import Collector, collecting
from tests.sdk.programs import Programs


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def programs(collector: Collector, tmp_path: Path) -> Programs:
    return Programs(collector.url, tmp_path)
