"""The gateway as it is served, in front of providers on loopback.

Programs in `clients` import packages of environments of their own, so they are not collected here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.gateway import Room, room
from tests.gateway.upstream import providers
from tests.upstream import Upstream

collect_ignore = ["clients"]


@pytest.fixture(scope="package")
def far() -> Iterator[Upstream]:
    """Both providers; shared, as they keep nothing but a list of requests."""
    with providers() as running:
        yield running


@pytest.fixture(scope="module")
def shared(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A gateway for all tests of a module, which only add records."""
    with room(tmp_path_factory.mktemp("gateway") / "data", far) as running:
        yield running


@pytest.fixture
def own(far: Upstream, tmp_path: Path) -> Iterator[Room]:
    """A gateway of a test's own."""
    with room(tmp_path / "data", far) as running:
        yield running
