"""The server that API tests talk to, with a live release over a small corpus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Served, configured, served

BUNDLE: dict[str, Any] = {
    "route": "widgets",
    "prompt": "widgets",
    "targets": [{"model": "trimtab/extract"}],
    "retrieval": {"corpus": "widgets", "k": 2},
    "parameters": {"abstain_below": 0.0},
}


def publish(server: Served, **changes: Any) -> dict[str, Any]:
    """Write the prompt, create a release of the route and make it live."""
    message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
    server.client.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
    release = server.client.post("/api/v1/releases", BUNDLE | changes)
    promotion = {"force": True, "reason": "set up by a test"}
    return server.client.post(f"/api/v1/releases/{release['release_id']}/promote", promotion)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(configured(tmp_path / "data")) as running:
        yield running


@pytest.fixture(scope="module")
def widgets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Shared by the tests of a module, which only add records."""
    with served(configured(tmp_path_factory.mktemp("widgets") / "data")) as running:
        publish(running)
        yield running
