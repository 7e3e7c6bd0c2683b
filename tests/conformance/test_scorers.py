"""Every built-in scorer, and scorers of every other kind, pass the one conformance suite."""

from __future__ import annotations

import asyncio

import pytest

import trimtab
from trimtab.ports import Scorer
from trimtab.scorers.registry import BUILT_IN
from trimtab.testing.scorer import ScorerContract


class TestBuiltIn(ScorerContract):
    @pytest.fixture(params=sorted(BUILT_IN))
    def scorer(self, request: pytest.FixtureRequest) -> Scorer:
        return BUILT_IN[request.param]


@trimtab.scorer(scale="unit")
async def patient(output: str) -> float:
    """An asynchronous function."""
    await asyncio.sleep(0)
    return 1 / (1 + len(output))


@trimtab.scorer(timeout_s=30)
def threaded(output: str) -> str:
    """A synchronous function in a thread of its own."""
    return "long" if len(output) > 10 else "short"


@trimtab.scorer(tier="judge", higher_is_better=False)
def judged(output: str) -> bool:
    return len(output) > 10


class TestOwn(ScorerContract):
    @pytest.fixture(params=[patient, threaded, judged], ids=lambda scorer: scorer.name)
    def scorer(self, request: pytest.FixtureRequest) -> Scorer:
        found: Scorer = request.param
        return found
