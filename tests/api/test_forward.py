"""Forwarding: what goes through is the same on both sides, and ends with its caller."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.listening import (
    LISTENERS,
    App,
    Listening,
    Message,
    Receive,
    Send,
    echo,
    listening,
    reply,
    whole_body,
)
from tests.loops import LOOPS, run_on

from trimtab.api.forward import Forwarder
from trimtab.kit.http1.errors import Disconnected
from trimtab.kit.http1.local import local_listener

MIB = 1 << 20
BODY = random.Random(4).randbytes(MIB)


@contextlib.asynccontextmanager
async def forwarding(kind: str, directory: Path, app: App) -> AsyncIterator[Listening]:
    """A listener that forwards to `app`, which listens on a UNIX socket."""
    path = directory / "app.sock"
    async with (
        listening("trimtab", app, opened=local_listener(path)),
        listening(kind, Forwarder(path)) as front,
    ):
        yield front


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", LISTENERS)
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_method_target_headers_and_a_large_body_arrive_as_they_came(
    tmp_path: Path, loop: str, kind: str, framing: str
) -> None:
    async def test() -> None:
        async with forwarding(kind, tmp_path, echo) as front, front.wire() as wire:
            for _ in range(2):  # the connection is kept
                fields = b"host: a\r\nx-one: 1\r\nX-Two: \xc3\xa9\r\nexpect: 100-continue\r\n"
                framed = b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
                if framing == "chunks":
                    framed = b"transfer-encoding: chunked\r\n\r\n" + chunked(BODY, 70_001)
                sent = b"PUT /a%2Fb/c?x=%20&y HTTP/1.1\r\n" + fields + framed
                writing = asyncio.create_task(wire.send(sent))
                answer = await wire.answer()
                await writing
                told, _, body = answer.body.partition(b"\n\n")
                lines = told.split(b"\n")
                assert answer.status == 200
                assert lines[:3] == [b"PUT", b"/a%2Fb/c?x=%20&y", b"/a/b/c"]
                assert {b"host=a", b"x-one=1", b"x-two=\xc3\xa9"} <= set(lines)
                assert body == BODY
                assert answer.headers["content-length"] == str(len(answer.body))

    run_on(loop, test)


def test_a_stream_comes_piece_by_piece_and_stops_when_its_caller_leaves(tmp_path: Path) -> None:
    left = asyncio.Event()
    go_on = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async def test() -> None:
        async with forwarding("trimtab", tmp_path, app) as front:
            async with front.wire() as wire:
                await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await wire.rest_of(b"data: 1\n\n\r\n")
                go_on.set()
                await wire.rest_of(b"data: 2\n\n\r\n")
            async with asyncio.timeout(30):
                await left.wait()

    run_on("uvloop", test)


def test_a_caller_that_does_not_read_slows_the_answer_down(tmp_path: Path) -> None:
    sent = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(256):
            await send({"type": "http.response.body", "body": bytes(MIB // 4), "more_body": True})
            sent += MIB // 4
        await send({"type": "http.response.body", "body": b""})

    async def test() -> None:
        async with forwarding("trimtab", tmp_path, app) as front, front.wire() as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.2)
            assert sent < 32 * MIB  # what the kernel and the buffers hold
            zeros = 0
            while data := await wire.reader.read(MIB):
                zeros += data.count(b"\0")
            assert zeros == 64 * MIB

    run_on("uvloop", test)


def test_an_early_answer_does_not_wait_for_the_body(tmp_path: Path) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await reply(send, b"no", status=413)

    async def test() -> None:
        async with forwarding("trimtab", tmp_path, app) as front, front.wire() as wire:
            head = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 100000000\r\n\r\n"
            answer = await wire.asked(head + bytes(MIB))
            assert (answer.status, answer.body) == (413, b"no")

    run_on("uvloop", test)


def test_a_head_request_has_an_answer_without_a_body(tmp_path: Path) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await reply(send, b"" if scope["method"] == "HEAD" else b"yes")

    async def test() -> None:
        async with forwarding("trimtab", tmp_path, app) as front, front.wire() as wire:
            answer = await wire.asked(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
            assert (answer.status, answer.body) == (200, b"")
            assert (await wire.asked(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"yes"

    run_on("uvloop", test)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_where_nobody_answers_the_caller_learns_to_come_again(tmp_path: Path, method: str) -> None:
    async def test() -> None:
        nobody = Forwarder(tmp_path / "nobody.sock")
        async with listening("trimtab", nobody) as front, front.wire() as wire:
            head = f"{method} /x HTTP/1.1\r\nHost: a\r\n\r\n"
            answer = await wire.asked(head.encode(), method)
            assert answer.status == 503
            assert answer.headers["retry-after"] == "1"
            assert (b"overloaded" in answer.body) == (method == "GET")

    run_on("uvloop", test)


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_that_breaks_off_is_never_whole(tmp_path: Path, begun: bool) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await whole_body(receive)
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        scope["trimtab.turn"]._wire.abort()

    async def test() -> None:
        async with forwarding("trimtab", tmp_path, app) as front, front.wire() as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            if begun:
                with pytest.raises(Disconnected):
                    await wire.answer()
            else:
                assert (await wire.answer()).status == 503

    run_on("uvloop", test)
