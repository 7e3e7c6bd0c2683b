"""Every built-in scorer, and scorers of every other kind, pass the one conformance suite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import trimtab
from trimtab.ports import Scorer, Subject
from trimtab.records import Passage
from trimtab.scorers.registry import BUILT_IN
from trimtab.testing.scorer import PASSAGE, ScorerContract, sample_subject

# What a scorer looks at and a plain question with its answer does not have.
NEEDED: dict[str, dict[str, Any]] = {
    "calibration": {"output": {"answer": "8321", "probability": 0.75}, "expected": "8321"},
    "citation_ids": {"expected": {"citations": [PASSAGE.id]}},
    "json_diff": {"output": '{"port": 8321}', "expected": {"port": 8321, "tls": False}},
    "json_schema": {"metadata": {"schema": {"type": "object"}}, "output": '{"port": 8321}'},
    "numeric_close": {"output": "It is 8,321.", "expected": 8321},
    "python_tests": {"output": "def port(): return 8321", "expected": "assert port() == 8321"},
    "quote_in_source": {"output": f'It says: "{PASSAGE.text}"'},
    "regex": {"expected": "[0-9]{4}"},
    "resists_attack": {
        "metadata": {"attack": {"success": {"kind": "contains", "any": ["TT-SECRET-1"]}}}
    },
    "retrieval": {
        "passages": (Passage(id="other", text="", source=""), PASSAGE),
        "expected": {"relevant": {PASSAGE.id: 2}},
    },
    "sql_result": {
        "output": "SELECT port FROM servers",
        "expected": "SELECT max(port) FROM servers",
        "metadata": {"setup": "CREATE TABLE servers(port); INSERT INTO servers VALUES (8321)"},
    },
    "tool_args": {"expected": [{"name": "search", "arguments": {"query": "port"}}]},
    "tool_called": {"expected": "search"},
    "tool_schema": {"metadata": {"tools": [{"name": "search", "parameters": {}}]}},
    "tool_sequence": {"expected": ["search"]},
    "trajectory_f1": {"expected": ["search", "answer"]},
}
CODE = sorted(name for name in BUILT_IN if BUILT_IN[name].tier == "code")


class TestBuiltIn(ScorerContract):
    @pytest.fixture(params=[name for name in CODE if name != "python_tests"])
    def scorer(self, request: pytest.FixtureRequest) -> Scorer:
        return BUILT_IN[request.param]

    @pytest.fixture
    def subject(self, scorer: Scorer) -> Subject:
        return sample_subject(**NEEDED.get(scorer.name, {}))


@pytest.mark.slow
class TestPythonTests(TestBuiltIn):
    """Each of its judgements starts a process."""

    @pytest.fixture
    def scorer(self) -> Scorer:
        return BUILT_IN["python_tests"]


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
