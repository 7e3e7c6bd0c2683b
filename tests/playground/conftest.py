"""A server as a process, in front of a provider of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.playground.far import far as provider
from tests.playground.far import server
from tests.processes import ServeProcess
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def far() -> Iterator[Upstream]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def served(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """Shared by the tests of a module, which only add records."""
    with server(tmp_path_factory.mktemp("playground") / "data", far) as running:
        yield running
