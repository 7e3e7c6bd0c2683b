"""Slow callers, callers who leave, and long streams: memory is bounded and work stops."""

from __future__ import annotations

import http.client
import json
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from tests.gateway.answers import CHAT, MESSAGES
from tests.gateway.gateway import ADMIN, Room, question
from tests.gateway.upstream import FLOOD_EVENT, FLOOD_EVENTS, FLOODED, HUNG
from tests.waiting import until

MIB = 1 << 20


def settled(read: Any, *, limit_s: float = 60) -> Any:
    """A value that has stopped to change."""
    before, deadline = object(), time.monotonic() + limit_s
    while (now := read()) != before:
        assert time.monotonic() < deadline, "it goes on and on"
        before = now
        time.sleep(0.3)
    return now


def flood(dialect: str) -> dict[str, Any]:
    return question("oa/flood", dialect)


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
def test_a_caller_who_does_not_read_pauses_the_provider(own: Room, dialect: str) -> None:
    """What is on the way lies in the buffers of sockets and a few of the gateway's."""
    own.ask(dialect, question("oa/plain", dialect))
    before = psutil.Process().memory_info().rss
    with own.streaming(dialect, flood(dialect)) as response:
        assert response.read(100)
        sent = settled(lambda: FLOODED.sent) * len(FLOOD_EVENT)
        grown = psutil.Process().memory_info().rss - before
    assert sent < 24 * MIB < FLOOD_EVENTS * len(FLOOD_EVENT), "the provider had to wait"
    assert grown < 24 * MIB
    assert FLOODED.left.wait(30), "and it was told when the caller left"


@pytest.mark.slow
def test_a_caller_who_reads_slowly_gets_all_of_it(own: Room) -> None:
    size = 0
    with own.streaming(CHAT, flood(CHAT)) as response:
        while piece := response.read(MIB):
            size += len(piece)
            last = piece[-20:]
            if size < 4 * MIB:
                time.sleep(0.1)
    assert size == FLOOD_EVENTS * len(FLOOD_EVENT) + len(b"data: [DONE]\n\n")
    assert last.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(("dialect", "model"), [(CHAT, "oa"), (MESSAGES, "an"), (MESSAGES, "oa")])
def test_a_caller_who_leaves_a_stream_cancels_the_provider(
    own: Room, dialect: str, model: str
) -> None:
    HUNG.left.clear()
    with own.streaming(dialect, question(f"{model}/hang-mid-stream", dialect)) as response:
        trace = response.headers["x-trimtab-trace-id"]
        assert response.readline()
    assert HUNG.left.wait(30)
    until(lambda: own.server.app.gateway.in_flight == 0)
    (span,) = own.spans(trace)
    assert span["status"] == "cancelled"
    assert span["usage"]["estimated"] is True
    assert Decimal(span["cost_usd"]) > 0, "what was said has its price"
    assert span["output"][0]["content"] or span["output"][0]["reasoning_content"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_before_the_answer_cancels_the_provider(
    own: Room, stream: bool
) -> None:
    HUNG.left.clear()
    before = len(own.far.requests)
    body = json.dumps(question("oa/hang", stream=stream))
    connection = http.client.HTTPConnection(urlsplit(own.server.url).netloc)
    connection.request("POST", "/v1/chat/completions", body, {"x-api-key": ADMIN})
    until(lambda: len(own.far.requests) > before)
    connection.close()
    assert HUNG.left.wait(30)
    until(lambda: own.server.app.gateway.in_flight == 0)


@pytest.mark.parametrize("under_way", [False, True], ids=["set before", "set meanwhile"])
def test_what_a_caller_used_who_left_counts_against_its_budget(own: Room, under_way: bool) -> None:
    key, secret = own.issue("leaver")
    budget = {"kind": "key", "name": key, "daily_usd": "10"}
    if not under_way:
        own.manage("PUT", "/allowances", budget)
    with own.streaming(CHAT, question("oa/hang-mid-stream"), secret) as response:
        trace = response.headers["x-trimtab-trace-id"]
        assert response.readline()
        if under_way:
            own.manage("PUT", "/allowances", budget)
    until(lambda: own.server.app.gateway.in_flight == 0)
    (span,) = own.spans(trace)
    assert own.used(key) == Decimal(span["cost_usd"])
