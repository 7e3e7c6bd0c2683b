"""An answer of a provider has a largest size, and what is beyond it ends as an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.gateway.answers import CHAT, MESSAGES, RESPONSES
from tests.gateway.gateway import Room, question, room
from tests.gateway.upstream import SOUND
from tests.upstream import Upstream

ANSWER_BYTES = 1_500
LONG = [
    *((dialect, "an/thinking") for dialect in (CHAT, MESSAGES, RESPONSES)),
    *((dialect, "oa/long-unicode") for dialect in (CHAT, MESSAGES)),
]


@pytest.fixture(scope="module")
def small(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    limits = {"limits.answer_bytes": ANSWER_BYTES}
    with room(tmp_path_factory.mktemp("small") / "data", far, overrides=limits) as running:
        yield running


def error_of(dialect: str, body: bytes) -> dict[str, Any]:
    """The error that a stream ends with, as its clients find it."""
    last = json.loads(body.rstrip().splitlines()[-1].removeprefix(b"data: "))
    assert dialect == CHAT or last["type"] == "error"
    found: dict[str, Any] = last["error"]
    return found


@pytest.mark.parametrize(("dialect", "model"), LONG)
def test_a_whole_answer_beyond_it_is_an_error_that_names_the_setting(
    small: Room, dialect: str, model: str
) -> None:
    reply = small.ask(dialect, question(model, dialect))
    assert reply.status == 502
    assert "more than 1,500 bytes" in reply.json["error"]["message"]
    assert "limits.answer_bytes" in reply.json["error"]["message"]
    kind = "api_error" if dialect == MESSAGES else "upstream_error"
    assert reply.json["error"]["type"] == kind


@pytest.mark.parametrize(("dialect", "model"), LONG)
def test_a_stream_beyond_it_ends_with_an_error_and_is_settled_and_recorded(
    small: Room, dialect: str, model: str
) -> None:
    key, secret = small.issue(f"{dialect}-{model[:2]}")
    small.manage("PUT", "/allowances", {"kind": "key", "name": key, "daily_usd": "5"})
    reply = small.ask(dialect, question(model, dialect, stream=True), secret)
    assert reply.status == 200
    assert "limits.answer_bytes" in error_of(dialect, reply.body)["message"]
    span = small.call(reply)
    assert (span["status"], span["output"][0]["role"]) == ("error", "assistant")
    assert "limits.answer_bytes" in span["error"]
    assert small.used(key) == Decimal(span["cost_usd"]) > 0


def test_what_fits_passes(small: Room) -> None:
    for stream in (False, True):
        assert small.ask(CHAT, question("oa/plain", stream=stream)).status == 200


def test_it_opens_no_breaker(small: Room) -> None:
    for _ in range(6):
        small.ask(CHAT, question("oa/long-unicode", stream=True))
    states = small.manage("GET", "/gateway/targets")["data"]
    (state,) = (one for one in states if one["target"] == "oa/long-unicode")
    assert state["breaker"] == "closed"


def test_bytes_that_are_passed_on_unread_have_no_such_limit(small: Room) -> None:
    reply = small.ask("/audio/speech", {"model": "oa/speech", "input": "Hello", "voice": "x"})
    assert reply.body == SOUND
    assert len(SOUND) > ANSWER_BYTES
