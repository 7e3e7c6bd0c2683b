"""Trimtab's own listener: what it refuses, its limits and its deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from select import POLLOUT, poll
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.listening import GET, Message, Receive, Send, echo, listening, reply
from tests.loops import LOOPS, run_on

from trimtab.kit.http1.server_limits import RequestRefused, ServerLimits
from trimtab.kit.http1.server_quick import QuickReader
from trimtab.kit.http1.server_reader import RequestReader

H = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = H + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "two lengths": (400, H + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
    "lengths in a list": (400, H + b"Content-Length: 2, 2\r\n\r\nab"),
    "a length with a sign": (400, H + b"Content-Length: +2\r\n\r\nab"),
    "a negative length": (400, H + b"Content-Length: -2\r\n\r\nab"),
    "an empty length": (400, H + b"Content-Length:\r\n\r\nab"),
    "a length beyond 64 bits": (400, H + b"Content-Length: 99999999999999999999\r\n\r\nab"),
    "a length and chunks": (400, H + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "chunks and a length": (400, H + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"),
    "two codings": (400, H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a coding like chunked": (501, H + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked and then another": (400, H + b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
    "a coding that is not spoken": (501, H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "an identity coding": (501, H + b"Transfer-Encoding: identity\r\n\r\n"),
    "chunks in HTTP/1.0": (
        400,
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "a folded line": (400, H + b"X: a\r\n b\r\n\r\n"),
    "space before the first header": (400, b"POST / HTTP/1.1\r\n X: a\r\n\r\n"),
    "a bare LF after the first line": (400, b"POST / HTTP/1.1\nHost: a\r\n\r\n"),
    "a bare LF after a header": (400, H + b"X: a\nY: b\r\n\r\n"),
    "a bare LF at the end": (400, H + b"X: a\r\n\n"),
    "a bare CR in a header": (400, H + b"X: a\rY: b\r\n\r\n"),
    "space before a colon": (400, H + b"Content-Length : 2\r\n\r\nab"),
    "a header without a colon": (400, H + b"Xa\r\n\r\n"),
    "a header without a name": (400, H + b": a\r\n\r\n"),
    "a NUL": (400, H + b"X: a\0b\r\n\r\n"),
    "a control character": (400, H + b"X: a\x01b\r\n\r\n"),
    "a hexadecimal prefix": (400, CHUNKED + b"0x2\r\nab\r\n0\r\n\r\n"),
    "a chunk with a sign": (400, CHUNKED + b"+2\r\nab\r\n0\r\n\r\n"),
    "a negative chunk": (400, CHUNKED + b"-2\r\nab\r\n0\r\n\r\n"),
    "space before a chunk's size": (400, CHUNKED + b" 2\r\nab\r\n0\r\n\r\n"),
    "a bare LF after a chunk's size": (400, CHUNKED + b"2\nab\r\n0\r\n\r\n"),
    "a bare LF after a chunk": (400, CHUNKED + b"2\r\nab\n0\r\n\r\n"),
    "a chunk longer than it says": (400, CHUNKED + b"2\r\nabc\r\n0\r\n\r\n"),
    "a chunk without a size": (400, CHUNKED + b"\r\n0\r\n\r\n"),
    "a chunk beyond 64 bits": (400, CHUNKED + b"fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
    "a bare LF in an extension": (400, CHUNKED + b"2;a\nb\r\nab\r\n0\r\n\r\n"),
    "a length in a trailer": (400, CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n"),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    "a fragment": (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "an authority": (400, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a space in the target": (400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "bytes beyond ASCII in the target": (400, b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a method that is none": (400, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "HTTP/0.9": (505, b"GET /\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a TLS handshake": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "an expectation": (417, H + b"Expect: tea\r\nContent-Length: 2\r\n\r\nab"),
    "a long head": (431, H + b"X: " + b"a" * 70_000 + b"\r\n\r\n"),
    "many headers": (431, H + b"".join(b"X-%d: a\r\n" % at for at in range(200)) + b"\r\n"),
    "a long target": (414, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
}


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in pieces"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_two_servers_could_read_differently_is_refused(name: str, whole: bool) -> None:
    status, request = REFUSED[name]
    asked: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await reply(send)

    async def test() -> None:
        async with listening("trimtab", app) as at, at.wire() as wire:
            # Behind it comes what a smuggler wants to be taken for a request.
            stuff = request + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
            size = len(stuff) if whole else max(1, len(stuff) // 7)
            with contextlib.suppress(OSError):
                for start in range(0, len(stuff), size):
                    await wire.send(stuff[start : start + size])
                    await asyncio.sleep(0)
            answer = await wire.answer("POST")
            assert answer.status == status
            assert answer.headers["connection"] == "close"
            assert await wire.rest() == b""
        assert "/smuggled" not in asked

    run_on("uvloop", test)


def test_a_request_before_the_refused_one_is_answered() -> None:
    async def test() -> None:
        async with listening("trimtab", echo) as at, at.wire() as wire:
            await wire.send(GET + H + b"X : a\r\n\r\n")
            assert (await wire.answer()).status == 200
            assert (await wire.answer()).status == 400

    run_on("uvloop", test)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"POST / HT", 408),
        (H + b"X-A: b\r\n", 408),
        (H + b"Content-Length: 5\r\n\r\nab", 408),
    ],
)
def test_a_client_that_says_nothing_more_is_not_waited_for(sent: bytes, status: int | None) -> None:
    limits = ServerLimits(head_s=0.5, body_s=0.5, idle_s=0.5, linger_s=0.1)

    async def test() -> None:
        async with listening("trimtab", echo, limits=limits) as at, at.wire() as wire:
            await wire.send(sent)
            if status is not None:
                assert (await wire.answer("POST")).status == status
            assert await wire.rest() == b""

    run_on("uvloop", test)


def test_a_connection_that_is_not_used_is_closed() -> None:
    limits = ServerLimits(idle_s=0.5)

    async def test() -> None:
        async with listening("trimtab", echo, limits=limits) as at, at.wire() as wire:
            assert (await wire.asked(GET)).status == 200
            assert await wire.rest() == b""

    run_on("uvloop", test)


def test_a_slow_answer_is_no_idle_connection() -> None:
    limits = ServerLimits(head_s=0.5, body_s=0.5, idle_s=0.5)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(0.8)
        await reply(send)

    async def test() -> None:
        async with listening("trimtab", app, limits=limits) as at, at.wire() as wire:
            assert (await wire.asked(GET)).status == 200

    run_on("uvloop", test)


def test_a_client_that_never_reads_is_cut_off() -> None:
    limits = ServerLimits(write_s=0.3)

    async def test() -> None:
        left = asyncio.Event()

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * (64 << 20), "more_body": True})
            assert (await receive())["type"] == "http.disconnect"
            left.set()

        async with listening("trimtab", app, limits=limits) as at, at.wire() as wire:
            await wire.send(GET)
            async with asyncio.timeout(30):
                await left.wait()

    run_on("uvloop", test)


def test_a_body_that_nobody_wants_is_let_go_up_to_a_limit() -> None:
    limits = ServerLimits(unread_bytes=1000, linger_s=0.2)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await reply(send, b"no", 403)

    async def test() -> None:
        async with listening("trimtab", app, limits=limits) as at:
            for size, kept in ((900, True), (100_000, False)):
                async with at.wire() as wire:
                    head = H + b"Content-Length: %d\r\n\r\n" % size
                    assert (await wire.asked(head, "POST")).status == 403
                    with contextlib.suppress(OSError):
                        for _ in range(0, size, 900):
                            await wire.send(b"x" * 900)
                    if kept:
                        assert (await wire.asked(GET)).status == 403
                    else:
                        assert await wire.rest() == b""

    run_on("uvloop", test)


def test_more_than_a_few_requests_ahead_are_not_answered_on_one_connection() -> None:
    limits = ServerLimits(pipelined=5)

    async def test() -> None:
        async with listening("trimtab", echo, limits=limits) as at, at.wire() as wire:
            await wire.send(GET * 50)
            for _ in range(4):
                assert "connection" not in (await wire.answer()).headers
            assert (await wire.answer()).headers["connection"] == "close"
            assert await wire.rest() == b""

    run_on("uvloop", test)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Content-Length: 2\r\n\r\nhi",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("piece", [1, 1000])
def test_another_protocol_is_not_changed_to(body: bytes, piece: int) -> None:
    upgrade = H + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" + (body or b"\r\n")
    sent = upgrade + GET

    async def test() -> None:
        async with listening("trimtab", echo) as at, at.wire() as wire:
            for start in range(0, len(sent), piece):
                await wire.send(sent[start : start + piece])
                await asyncio.sleep(0)
            assert (await wire.answer()).body.endswith(b"\n\nhi" if body else b"\n\n")
            assert (await wire.answer()).status == 200

    run_on("uvloop", test)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"http://a/b?c", "/b", b"c"),
        (b"http://a", "/", b""),
        (b"HTTPS://a:1?c=/d", "/", b"c=/d"),
        (b"/a%2Fb%c3%a9?x%20", "/a/bé", b"x%20"),
    ],
)
def test_a_target_says_path_and_query(target: bytes, path: str, query: bytes) -> None:
    reader = RequestReader({}, ServerLimits())
    reader.feed(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
    scope = reader.ready.popleft().scope
    assert (scope["path"], scope["query_string"]) == (path, query)


def test_an_error_of_the_application_is_logged_without_reaching_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise ValueError("the secret of the house")

    async def test() -> None:
        async with listening("trimtab", app) as at, at.wire() as wire:
            answer = await wire.asked(GET)
            assert (answer.status, answer.body) == (500, b"Internal Server Error\n")

    with caplog.at_level(logging.ERROR, logger="trimtab.http"):
        run_on("uvloop", test)
    assert "the secret of the house" in caplog.text


_LINE = st.sampled_from(
    [
        b"Host: a",
        b"host:a",
        b"Content-Length: 2",
        b"Content-Length: 2 ",
        b"content-length:\t02",
        b"Content-Length: x",
        b"Content-Length: 2, 2",
        b"Transfer-Encoding: chunked",
        b"Connection: keep-alive",
        b"Connection: close",
        b"Connection: upgrade",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"Authorization: Bearer x",
        b"X-A: b",
        b"X-A : b",
        b"X-A: b\nc",
        b" folded",
        b"X-A:",
        b"X-\xff: a",
        b"X-A: \xff\x80",
        b"X-A: \x7f",
    ]
)
_OPENING = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /a?b=c HTTP/1.1",
        b"POST /%41%zz?%00 HTTP/1.1",
        b'PUT /"<>^`{|}\\ HTTP/1.1',
        b"GET /a#b HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"HEAD / HTTP/1.0",
        b"OPTIONS * HTTP/1.1",
        b"FOO / HTTP/1.1",
    ]
)


@settings(max_examples=1500, deadline=None)
@given(
    opening=_OPENING,
    lines=st.lists(_LINE, max_size=7),
    body=st.sampled_from([b"", b"a", b"ab", b"abGET / HTTP/1.1\r\nHost: a\r\n\r\n"]),
)
def test_what_is_read_quickly_is_what_is_read_otherwise(
    opening: bytes, lines: list[bytes], body: bytes
) -> None:
    data = b"\r\n".join([opening, *lines, b"", b""]) + body
    quick = QuickReader(ServerLimits())
    for _ in range(2):  # also with what it remembers
        assert _read(data, quick) == _read(data, None)


def _read(data: bytes, quick: QuickReader | None) -> tuple[list[Any], int | None]:
    reader = RequestReader({"type": "http"}, ServerLimits(), quick)
    refused = None
    try:
        reader.feed(data)
    except RequestRefused as refusal:
        refused = refusal.status
    told = [
        (request.scope, request.keep_alive, request.expects, request.complete, request.take())
        for request in reader.ready
    ]
    return told, refused


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel's bound is lower")
@pytest.mark.parametrize("loop", LOOPS)
def test_connections_wait_for_a_busy_loop_and_are_not_dropped(loop: str) -> None:
    async def test() -> None:
        async with listening("trimtab", echo) as at:
            wires = [socket.socket() for _ in range(300)]
            try:
                for wire in wires:
                    wire.setblocking(False)
                    wire.connect_ex(at.address)
                # The loop does nothing meanwhile: what is refused now is tried again in a second.
                waiting = poll()
                for wire in wires:
                    waiting.register(wire, POLLOUT)
                assert len(waiting.poll(0)) == len(wires)
            finally:
                for wire in wires:
                    wire.close()

    run_on(loop, test)
