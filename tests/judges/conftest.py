"""A court for the tests of a module: a provider by rules behind a real gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.judges.court import Court, Script, any_answer, gateway, provider
from tests.serving import Served


class Stage(NamedTuple):
    script: Script
    server: Served
    court: Court


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    script = Script()
    with (
        provider(script) as far,
        gateway(tmp_path_factory.mktemp("court"), far) as server,
        Court(server.url) as court,
    ):
        yield Stage(script, server, court)


@pytest.fixture
def script(stage: Stage) -> Iterator[Script]:
    stage.script.asked.clear()
    yield stage.script
    stage.script.rule = any_answer
    stage.script.first.clear()


@pytest.fixture
def court(stage: Stage, script: Any) -> Court:
    return stage.court


@pytest.fixture
def server(stage: Stage, script: Any) -> Served:
    return stage.server
