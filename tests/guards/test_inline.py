"""`trimtab.guard`: one scorer or signal, mounted inline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.guards.marks import MARK, Marks
from tests.stations.canary import Speaker, answer, pieces, read, request, text_of
from tests.stations.test_hooks import asked
from tests.stations.wiring import in_loop, wired

import trimtab
from trimtab.errors import ConfigError
from trimtab.gateway.hooks import Hooks
from trimtab.ports import Guard
from trimtab.records.guard import ModelSlot
from trimtab.testing.guard import GuardContract


@trimtab.scorer(scale="binary")
def no_marks(output: str) -> bool:
    return MARK not in output


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("made", "given"),
    [
        (lambda: trimtab.guard(no_marks, on="output", action="block"), ""),
        (lambda: trimtab.guard(Marks(), on="output", action="redact"), "it is [MARK]"),
        (lambda: trimtab.guard("bans", settings={"terms": [MARK]}, action="flag"), f"it is {MARK}"),
    ],
)
def test_scorers_and_signals_guard_answers(
    tmp_path: Path, made: Any, given: str, stream: bool
) -> None:
    async def work() -> None:
        far = Speaker("openai.chat", answer(*pieces(f"it is {MARK}", 3)))
        async with wired(tmp_path, providers=[far], hooks=Hooks([made()])) as room:
            body = await asked(room, "openai.chat", request("openai.chat", "x", stream=stream))
            call = next(one for one in await room.spans() if "trimtab.guards" in one.attributes)
        assert MARK in given or MARK not in text_of(read("openai.chat", body, stream=stream))
        (entry,) = call.attributes["trimtab.guards"]
        assert entry["action"] in ("block", "replace", "flag")
        if given:
            assert text_of(read("openai.chat", body, stream=stream)) == given

    in_loop(work)


@pytest.mark.parametrize(
    "settings",
    [
        {"action": "tokenise", "on": "input"},
        {"on": ["input", "output"]},
        {"on": []},
        {"on": "input", "action": "regenerate"},
        {"action": "Block"},
        {"action": "zap"},
        {"mode": "enforced"},
        {"mode": "off"},
        {"on": "outputs"},
        {"threshold": 7},
        {"budget_ms": 0},
        {"kinds": "mark"},
        {"treshold": 0.5},
        {"slot": {"kind": "http", "target": "http://localhost:1/", "low": 2}},
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        trimtab.guard(Marks(), **settings)


def test_what_a_rule_may_have_a_guard_may_have() -> None:
    slot = ModelSlot(kind="http", target="http://localhost:1/")
    made = trimtab.guard(Marks(), kinds=["mark"], threshold=1, on_error="open", slot=slot)
    assert made.on_error == "open"


class TestSignal(GuardContract):
    @pytest.fixture
    def guard(self) -> Guard:
        return trimtab.guard(Marks(), on="output", action="block")

    @pytest.fixture
    def offending(self) -> str:
        return f"it is {MARK}"


class TestRedacting(GuardContract):
    @pytest.fixture
    def guard(self) -> Guard:
        return trimtab.guard(Marks(), on="input", action="redact")

    @pytest.fixture
    def offending(self) -> str:
        return f"it is {MARK}"


class TestScorer(GuardContract):
    @pytest.fixture
    def guard(self) -> Guard:
        return trimtab.guard(no_marks, on="output", action="block")

    @pytest.fixture
    def offending(self) -> str:
        return f"it is {MARK}"


def test_a_signal_that_lacks_something_is_told_what() -> None:
    class Boom:
        name, version, scale, lookback_chars = "boom", "1", "risk", 0

        def read(self, text: object, about: object = None) -> None: ...

    made: Any = Boom()
    with pytest.raises(ConfigError, match="Boom is no scorer, and as a signal it lacks is_learned"):
        trimtab.guard(made)
