from __future__ import annotations

import pytest
from tests.stations.canary import MARKER, Canary

from trimtab.ports import Guard
from trimtab.testing.guard import GuardContract


class TestCanary(GuardContract):
    @pytest.fixture(params=["block", "replace", "flag"])
    def guard(self, request: pytest.FixtureRequest) -> Guard:
        return Canary(request.param)

    @pytest.fixture
    def offending(self) -> str:
        return MARKER
