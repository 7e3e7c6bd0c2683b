"""Every task keeps the contract."""

from collections.abc import Iterator

import pytest
from tests.serving import Served, configured, served

from trimtab.gateway.task import ReleaseTask
from trimtab.gateway.trace import Caller
from trimtab.testing.task import Run, TaskContract


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("task") / "data")) as running:
        yield running


class TestReleaseTask(TaskContract):
    @pytest.fixture
    def run(self, server: Served) -> Run:
        return server.run

    @pytest.fixture
    def task(self, server: Served) -> ReleaseTask:
        caller = Caller(principal="test", project="default", run="r1")
        return ReleaseTask(server.app.gateway, model="trimtab/extract", caller=caller)

    @pytest.fixture
    def failing(self, server: Served) -> ReleaseTask:
        caller = Caller(principal="test", project="default", run="r1")
        return ReleaseTask(server.app.gateway, model="nobody@1", caller=caller)
