"""Providers that misbehave: nothing hangs, and nobody else's answer changes."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from tests.gateway import wire
from tests.gateway.answers import ANSWERS, CHAT, MESSAGES
from tests.gateway.gateway import Room, question, room
from tests.gateway.test_bytes import named
from tests.gateway.upstream import FAULTS, providers, stream_of, whole_of
from tests.serving import Reply

from trimtab.kit.http1 import ClientSettings

USAGE = {"stream_options": {"include_usage": True}}
SILENT = ("hang", "hang-mid-stream")  # until a timeout of the route
ENDLESS = "flood"
# Faults that are none where the answer is whole, or where it is a stream.
HARMLESS = {"drip", ENDLESS}
NOT_JSON = "not-json"
BAD = sorted(set(FAULTS) - HARMLESS - {NOT_JSON})


def good(rng: random.Random) -> tuple[bytes, bytes]:
    """A request, and what must come of it to the last byte."""
    model = rng.choice(sorted(ANSWERS))
    dialect, stream = ANSWERS[model].dialect, rng.random() < 0.5
    asking: dict[str, Any] = {"stream": True} if stream else {}
    if stream and dialect == CHAT:
        asking |= USAGE
    expected = stream_of(model) if stream else whole_of(model)
    return wire.request(dialect, question(named(model), dialect, **asking)), expected


def bad(rng: random.Random) -> bytes:
    provider, fault = rng.choice(["oa", "an"]), rng.choice(BAD)
    dialect = rng.choice([CHAT, MESSAGES])
    stream = {"stream": True} if rng.random() < 0.5 or fault in SILENT else {}
    return wire.request(dialect, question(f"{provider}-{fault}", dialect, **stream))


@pytest.mark.parametrize("seed", range(2))
def test_good_answers_among_bad_ones_are_exact(shared: Room, seed: int) -> None:
    rng = random.Random(seed)
    url = shared.server.url

    async def one(place: int) -> bool:
        if place % 2:
            await asyncio.sleep(rng.random() / 5)
            reply = await wire.ask(url, bad(rng))
            return reply.status >= 400 or b"error" in reply.body
        sent, expected = good(rng)
        reply = await wire.ask(url, sent)
        return (reply.status, reply.body) == (200, expected)

    async def work() -> list[bool]:
        return await asyncio.gather(*map(one, range(200)))

    assert all(asyncio.run(work()))
    assert shared.server.app.gateway.in_flight == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["oa", "an"])
@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
def test_every_fault_ends_as_an_error_and_is_on_record(
    shared: Room, dialect: str, provider: str, stream: bool
) -> None:
    """None hangs, none ends as if it were whole, and each is one span that says so."""

    async def one(fault: str) -> tuple[str, Reply]:
        body = question(f"{provider}-{fault}", dialect, stream=stream)
        return fault, await wire.ask(shared.server.url, wire.request(dialect, body))

    async def work() -> list[tuple[str, Reply]]:
        faults = [fault for fault in BAD if stream or fault not in SILENT]
        return await asyncio.gather(*map(one, faults))

    for fault, reply in asyncio.run(work()):
        if reply.status == 200:
            assert b"error" in reply.body, fault
            assert b"[DONE]" not in reply.body, fault
            assert b"message_stop" not in reply.body, fault
            assert shared.call(reply)["status"] == "error", fault
        else:
            assert reply.json["error"]["message"], fault
            assert 400 <= reply.status < 600, fault


@pytest.mark.parametrize("provider", ["oa", "an"])
def test_an_answer_that_cannot_be_read_is_an_error(shared: Room, provider: str) -> None:
    reply = shared.ask(CHAT, question(f"{provider}-{NOT_JSON}"))
    assert (reply.status, reply.json["error"]["type"]) == (502, "upstream_error")


def test_requests_wait_for_one_of_so_many_connections(tmp_path: Path) -> None:
    with providers() as far, room(tmp_path / "data", far) as here:
        provider: Any = here.server.app._state.setup.providers["oa"]
        provider._upstream._settings = ClientSettings(max_connections=4)
        sent = wire.request(CHAT, question("oa/drip", stream=True))

        async def work() -> list[Reply]:
            return await asyncio.gather(*(wire.ask(here.server.url, sent) for _ in range(40)))

        assert {reply.status for reply in asyncio.run(work())} == {200}
        assert len(far.requests) == 40
        assert far.accepted == far.peak == 4
