"""Every listener: what ASGI and HTTP/1.1 promise, on raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.listening import (
    GET,
    LISTENERS,
    Message,
    Receive,
    Send,
    asked,
    echo,
    listening,
    listening_in_thread,
    reply,
    whole_body,
)
from tests.loops import LOOPS, run_on

from trimtab.api.listeners import context
from trimtab.config import Tls
from trimtab.errors import ConfigError
from trimtab.kit.http1 import Disconnected

Test = Callable[[], Awaitable[None]]
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CASES = [(kind, loop) for kind in LISTENERS for loop in LOOPS]


@pytest.fixture(params=CASES, ids=["-".join(case) for case in CASES])
def case(request: pytest.FixtureRequest) -> tuple[str, Callable[[Test], None]]:
    kind, loop = request.param
    return kind, lambda test: run_on(loop, test)


def test_a_connection_is_kept_for_many_requests(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        async with listening(kind, echo) as at, at.wire() as wire:
            for number in range(20):
                body = b"x" * number
                answer = await wire.asked(
                    b"%bContent-Length: %d\r\n\r\n%b" % (POST, number, body), "POST"
                )
                assert answer.status == 200
                assert answer.body.endswith(b"\n\n" + body)
                assert "date" in answer.headers
                assert "connection" not in answer.headers

    run(test)


def test_pipelined_requests_are_answered_in_order_one_at_a_time(case: Any) -> None:
    kind, run = case
    running = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal running
        running += 1
        assert running == 1
        body = await whole_body(receive)
        await asyncio.sleep(0.005)
        running -= 1
        await reply(send, scope["raw_path"] + b" " + body)

    async def test() -> None:
        async with listening(kind, app) as at, at.wire() as wire:
            for round_ in range(3):
                await wire.send(
                    b"".join(
                        b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" % number
                        for number in range(10)
                    )
                )
                for number in range(10):
                    answer = await wire.answer("POST")
                    assert (answer.status, answer.body) == (200, b"/%d abc" % number), round_

    run(test)


def test_a_body_may_come_while_the_request_before_it_is_answered(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        go_on = asyncio.Event()

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            body = await whole_body(receive)
            if scope["path"] == "/first":
                await go_on.wait()
            await reply(send, body)

        async with listening(kind, app) as at, at.wire() as wire:
            first = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
            await wire.send(first + GET + POST + b"Content-Length: 6\r\n\r\nab")
            await asyncio.sleep(0.05)
            for piece in (b"c", b"def" + GET):
                await wire.send(piece)
                await asyncio.sleep(0.02)
            go_on.set()
            assert [(await wire.answer()).body for _ in range(4)] == [b"", b"", b"abcdef", b""]

    run(test)


def test_a_body_comes_in_chunks_with_extensions_and_trailers(case: Any) -> None:
    kind, run = case
    coded = b"2;a=b\r\nab\r\n1\r\nc\r\n0\r\nX-Trailer: y\r\n\r\n"

    async def test() -> None:
        async with listening(kind, echo) as at, at.wire() as wire:
            for piece in (1, 7, 1000):
                whole = POST + b"Transfer-Encoding: chunked\r\n\r\n" + coded
                for start in range(0, len(whole), piece):
                    await wire.send(whole[start : start + piece])
                answer = await wire.answer("POST")
                assert answer.body.endswith(b"\n\nabc")
                if kind == "trimtab":  # uvicorn takes trailers for headers
                    assert b"x-trailer" not in answer.body

    run(test)


def test_a_body_is_asked_for_only_when_it_is_read(case: Any) -> None:
    kind, run = case

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == "/read":
            await reply(send, await whole_body(receive))
        else:
            await reply(send, b"no", 403)

    async def test() -> None:
        expecting = (
            b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        async with listening(kind, app) as at:
            async with at.wire() as wire:
                await wire.send(expecting % b"/read")
                assert await wire.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
                answer = await wire.asked(b"hello", "POST")
                assert answer.body == b"hello"
            async with at.wire() as wire:
                answer = await wire.asked(expecting % b"/refuse", "POST")
                assert answer.status == 403

    run(test)


def test_head_and_empty_statuses_have_no_body(case: Any) -> None:
    kind, run = case

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == "/none":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
        else:
            await reply(send, b"body")

    async def test() -> None:
        async with listening(kind, app) as at, at.wire() as wire:
            answer = await wire.asked(GET.replace(b"GET", b"HEAD"), "HEAD")
            assert (answer.status, answer.headers["content-length"]) == (200, "4")
            answer = await wire.asked(GET.replace(b"/ ", b"/none "))
            assert (answer.status, answer.body) == (204, b"")
            assert "transfer-encoding" not in answer.headers
            assert (await wire.asked(GET)).body == b"body"

    run(test)


def test_a_stream_comes_piece_by_piece(case: Any) -> None:
    kind, run = case
    go_on = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b")]})
        await go_on.wait()
        for piece in (b"one", b"", b"two" * 40_000):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def test() -> None:
        async with listening(kind, app) as at:
            async with at.wire() as wire:
                await wire.send(GET)
                head = await wire.head()
                assert b"x-a: b\r\n" in head
                assert b"transfer-encoding: chunked\r\n" in head
                go_on.set()
                assert await wire.reader.readexactly(8) == b"3\r\none\r\n"
                assert await wire.rest_of(b"\r\n0\r\n\r\n") == len("1d4c0\r\n") + 120_000 + 7
            async with at.wire() as wire:
                answer = await wire.asked(GET.replace(b"1.1", b"1.0"))
                assert answer.body == b"one" + b"two" * 40_000
                if kind == "trimtab":  # uvicorn sends chunks to clients that do not know them
                    assert "transfer-encoding" not in answer.headers

    run(test)


@pytest.mark.parametrize(
    ("version", "said", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"", False),
    ],
)
def test_who_asks_for_the_end_of_the_connection_gets_it(
    case: Any, version: bytes, said: bytes, kept: bool
) -> None:
    kind, run = case

    async def test() -> None:
        async with listening(kind, echo) as at, at.wire() as wire:
            question = b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, said)
            answer = await wire.asked(question)
            assert answer.status == 200
            assert (answer.headers.get("connection") == "close") is not kept
            if not kept:
                assert await wire.rest() == b""

    run(test)


def test_an_answer_before_the_body_was_read_reaches_the_client(case: Any) -> None:
    kind, run = case

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await reply(send, b"too much", 413)

    async def test() -> None:
        async with listening(kind, app) as at:
            async with at.wire() as wire:
                small = POST + b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000
                assert (await wire.asked(small, "POST")).status == 413
                assert (await wire.asked(GET)).status == 413
            async with at.wire() as wire:
                await wire.send(POST + b"Content-Length: 50000000\r\n\r\n")
                with contextlib.suppress(OSError):
                    for _ in range(5):
                        await wire.send(b"x" * 65_536)
                assert (await wire.answer("POST")).status == 413

    run(test)


def test_a_client_that_leaves_is_noticed_at_once(case: Any) -> None:
    kind, run = case
    seen: list[str] = []

    async def test() -> None:
        noticed = asyncio.Event()

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            seen.append((await receive())["type"])
            seen.append((await receive())["type"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"into the void"})
            noticed.set()

        async with listening(kind, app) as at:
            async with at.wire() as wire:
                await wire.send(GET)
                await asyncio.sleep(0.05)
            async with asyncio.timeout(30):
                await noticed.wait()
        assert seen == ["http.request", "http.disconnect"]

    run(test)


def test_a_client_that_leaves_in_the_middle_of_its_body_is_noticed(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        seen: list[Any] = []
        noticed = asyncio.Event()

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            while True:
                message = await receive()
                seen.append(message)
                if message["type"] == "http.disconnect":
                    noticed.set()
                    return

        async with listening(kind, app) as at:
            async with at.wire() as wire:
                await wire.send(POST + b"Content-Length: 10\r\n\r\nabc")
                await asyncio.sleep(0.05)
            async with asyncio.timeout(30):
                await noticed.wait()
        assert all(message.get("more_body") for message in seen[:-1])

    run(test)


def test_a_client_that_does_not_read_stops_the_application(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        sent = 0

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(2_000):
                await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
                sent += 1
            await send({"type": "http.response.body"})

        async with listening(kind, app) as at, at.wire() as wire:
            await wire.send(GET)
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 500
            answer = await asyncio.wait_for(wire.rest_of(b"0\r\n\r\n"), 60)
            assert answer > 2_000 * 65_536

    run(test)


def test_an_application_that_does_not_read_stops_the_client(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        go_on = asyncio.Event()

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            await go_on.wait()
            size, more = 0, True
            while more:
                message = await receive()
                size += len(message["body"])
                more = message["more_body"]
            await reply(send, str(size).encode())

        async with listening(kind, app) as at, at.wire() as wire:
            size = 32 << 20
            await wire.send(POST + b"Content-Length: %d\r\n\r\n" % size)
            left = size
            with contextlib.suppress(TimeoutError):
                while left:
                    async with asyncio.timeout(0.3):
                        await wire.send(b"x" * 65_536)
                    left -= 65_536
            assert left > size // 3
            go_on.set()
            # The piece whose sending timed out is in the buffer of this side already.
            left -= 65_536
            while left > 0:
                await wire.send(b"x" * 65_536)
                left -= 65_536
            assert int((await wire.answer("POST")).body) == size

    run(test)


@pytest.mark.parametrize("fault", ["raise", "return", "short", "long", "break"])
def test_an_application_that_fails_never_looks_like_a_whole_answer(
    case: Any, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind, run = case

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if fault == "raise":
            raise ValueError("no")
        if fault == "return":
            return
        length = b"10" if fault in ("short", "long") else b""
        headers = [(b"content-length", length)] if length else [(b"x-a", b"b\r\nx-c: d")]
        if fault == "break":
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"12345" if fault == "short" else b"123456789012345"
        await send({"type": "http.response.body", "body": body})

    async def test() -> None:
        async with listening(kind, app) as at, at.wire() as wire:
            await wire.send(GET)
            try:
                answer = await wire.answer()
            except Disconnected:
                return
            assert answer.status == 500
            assert "x-c" not in answer.headers

    run(test)


def test_it_finishes_what_was_begun_when_it_is_told_to_stop(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            if scope["path"] == "/quick":
                await reply(send)
                return
            begun.set()
            await go_on.wait()
            await reply(send, b"late")

        async with listening(kind, app) as at, at.wire() as wire, at.wire() as idle:
            await idle.asked(GET.replace(b"/ ", b"/quick "))
            await wire.send(GET)
            await begun.wait()
            finishing = asyncio.create_task(at.front.finish(5))
            assert await idle.rest() == b""
            with pytest.raises(OSError, match=r"."):
                async with at.wire():
                    pass
            go_on.set()
            answer = await wire.answer()
            assert answer.body == b"late"
            assert await wire.rest() == b""
            await finishing

    run(test)


def test_what_does_not_finish_in_time_is_cut_off(case: Any) -> None:
    kind, run = case

    async def test() -> None:
        begun = asyncio.Event()
        ended: list[str] = []

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("ended")

        async with listening(kind, app) as at, at.wire() as wire:
            await wire.send(GET)
            await begun.wait()
            async with asyncio.timeout(30):
                await at.front.finish(1)
            assert b"200" not in await wire.rest()
        assert ended == ["ended"]

    run(test)


def test_it_listens_on_ipv6_and_on_unix_sockets(case: Any, tmp_path: Path) -> None:
    kind, run = case
    scopes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await reply(send)

    async def test() -> None:
        by_path = socket.socket(socket.AF_UNIX)
        by_path.bind(str(tmp_path / "s"))
        by_path.listen()
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
        for opened in (by_path, six):
            async with listening(kind, app, opened=opened) as at, at.wire() as wire:
                assert (await wire.asked(GET)).body == b"ok"
        assert scopes[0]["client"] is None
        assert scopes[1]["client"][0] == "::1"

    run(test)


def test_it_speaks_tls(case: Any, tmp_path: Path) -> None:
    kind, run = case
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    make += " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(
        [*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    trusting = ssl.create_default_context(cafile=certificate)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await reply(send, scope["scheme"].encode() + b" " + await whole_body(receive))

    async def test() -> None:
        tls = Tls(certificate=str(certificate), key=str(key)), trusting
        async with listening(kind, app, tls=tls) as at, at.wire() as wire:
            for _ in range(2):
                answer = await wire.asked(POST + b"Content-Length: 2\r\n\r\nhi", "POST")
                assert answer.body == b"https hi"

    run(test)


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("not a certificate")
    for name in ("missing.pem", "not.pem"):
        with pytest.raises(ConfigError, match="certificate"):
            context(Tls(certificate=str(tmp_path / name), key=str(tmp_path / name)))


_TOKEN = st.text("abcXYZ-_!09", min_size=1, max_size=12).map(str.encode)
_VALUE = st.binary(max_size=20).map(
    lambda raw: bytes(byte for byte in raw if byte in b"\t" or 32 <= byte < 127 or byte > 127)
)
_PATHS = st.text("/abc%20~=&;@:.,+é", max_size=15).map(
    lambda text: b"/" + text.encode("ascii", "ignore").replace(b"%", b"%41")
)


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    """A valid request, said in one of the ways that HTTP/1.1 has for it."""
    body = draw(st.binary(max_size=300))
    lines = [b"Host: %b" % draw(st.sampled_from([b"a", b"a:80", b"[::1]:8321"]))]
    for name, value in draw(st.lists(st.tuples(_TOKEN, _VALUE), max_size=6)):
        space = draw(st.sampled_from([b"", b" ", b"\t ", b"  "]))
        lines.append(b"x-%b:%b%b%b" % (name, space, value.strip(b" \t"), space))
    framing = draw(st.sampled_from(["length", "chunks"]))
    if framing == "length":
        lines.append(b"Content-Length: %d" % len(body))
    else:
        lines.append(b"Transfer-Encoding: Chunked")
        cut = draw(st.integers(0, len(body)))
        parts = [part for part in (body[:cut], body[cut:]) if part]
        body = b"".join(b"%X\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    lines = draw(st.permutations(lines))
    query = draw(st.sampled_from([b"", b"?", b"?a=b&c=%20", b"?a?b"]))
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH"]))
    opening = b"%b %b%b HTTP/1.1" % (method, draw(_PATHS), query)
    return b"\r\n".join([opening, *lines, b"", b""]) + body


@pytest.fixture(scope="module")
def echoing() -> Iterator[list[int]]:
    """The ports of all listeners, in the order of LISTENERS."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(listening_in_thread(kind, echo)) for kind in LISTENERS]


@settings(max_examples=200, deadline=None)
@given(requests=st.lists(_requests(), min_size=1, max_size=4), piece=st.integers(1, 2_000))
def test_both_read_the_same_in_every_valid_request(
    echoing: list[int], requests: list[bytes], piece: int
) -> None:
    whole = b"".join(requests)
    pieces = [whole[start : start + piece] for start in range(0, len(whole), piece)][:100]
    pieces.append(whole[len(pieces) * piece :])
    own, other = ([answer.body for answer in asked(port, pieces, requests)] for port in echoing)
    # uvicorn keeps the white space behind a value.
    assert own == [_trimmed(body) for body in other]


def _trimmed(echoed: bytes) -> bytes:
    head, _, body = echoed.partition(b"\n\n")
    opening, fields = head.split(b"\n")[:3], head.split(b"\n")[3:]
    return b"\n".join([*opening, *(field.rstrip(b" \t") for field in fields)]) + b"\n\n" + body
