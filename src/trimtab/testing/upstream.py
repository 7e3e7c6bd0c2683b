"""What every upstream client does, as tests: subclass and provide the fixture `client`.

    class TestMyClient(UpstreamContract):
        @pytest.fixture
        def client(self):
            return MyClient

`client` makes one, inside a running event loop, from `max_connections` and `allowed_address`. The
server is real, on a socket of its own, and plays what each test tells it to.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from typing import Any

import pytest

from trimtab.kit.http1 import (
    ConnectError,
    ConnectTimeout,
    Disconnected,
    HTTPError,
    ProtocolError,
    ReadTimeout,
    Timeouts,
)
from trimtab.ports import Upstream, UpstreamResponse

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
PATIENT = Timeouts(connect_s=10, first_byte_s=20, idle_s=20, total_s=30)

Client = Callable[..., Upstream]


class Do(Enum):
    """What a server does beside writing.

    `REST`: gives the client time to read. `CUT`: closes the connection, after a rest. `RESET`:
    breaks it with a TCP reset, after a rest. `HANG`: says nothing until the client leaves.
    `DRIP`: sends a byte now and then, for as long as the client stays.
    """

    REST = "rest"
    CUT = "cut"
    RESET = "reset"
    HANG = "hang"
    DRIP = "drip"


class Over(Exception):
    """The script ends the connection here."""


Step = bytes | Do | Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Plays answers, one for each request: bytes to write, and things to do. Then it says ok."""

    def __init__(self, *answers: list[Step]) -> None:
        self.script = deque(answers)
        self.accepted = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1/path?q=1"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.writers.add(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (Over, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
        self.heads.append(head)
        self.asked.set()
        self.bodies.append(await reader.readexactly(int(fields.get(b"content-length", b"0"))))
        for step in self.script.popleft() if self.script else [OK]:
            if isinstance(step, Do):
                await self._do(step, reader, writer)
            elif isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            else:
                await step(writer)

    async def _do(
        self, what: Do, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if what in (Do.HANG, Do.DRIP):
            with contextlib.suppress(ConnectionError):
                await (reader.read() if what is Do.HANG else _drip(reader, writer))
            self.left.set()
            raise Over
        await asyncio.sleep(0.02)
        if what is Do.RESET:
            connection = writer.get_extra_info("socket")
            linger_0_s = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0_s)
            writer.transport.abort()
        if what is not Do.REST:
            raise Over


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not reader.at_eof():
        writer.write(chunk(b"x"))
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.01)


def chunk(data: bytes) -> bytes:
    """Data in chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def post(client: Upstream, server: Server, **options: Any) -> UpstreamResponse:
    request = {"headers": {}, "body": b"{}", "timeouts": PATIENT, **options}
    return await client.request("POST", server.url, **request)


async def body_of(response: UpstreamResponse) -> bytes:
    return b"".join([data async for data in response.chunks()])


async def received(response: UpstreamResponse) -> tuple[bytes, HTTPError | None]:
    """The bytes of a body, and the error that ended it, if one did."""
    seen = b""
    try:
        async for data in response.chunks():
            seen += data
    except HTTPError as error:
        return seen, error
    return seen, None


async def fetched(client: Upstream, server: Server, **options: Any) -> bytes:
    return await body_of(await post(client, server, **options))


@contextlib.asynccontextmanager
async def between(
    make: Client, *answers: list[Step], **settings: Any
) -> AsyncIterator[tuple[Server, Upstream]]:
    """A server that plays `answers`, and a client."""
    async with Server(*answers) as server:
        client = make(**settings)
        try:
            yield server, client
        finally:
            await client.aclose()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a test that cannot hang."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


BROKEN: list[list[Step]] = [
    [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Do.CUT],
    [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Do.RESET],
    [b"HTTP/1.1 200 OK\r\n\r\nhalf", Do.RESET],
    [STREAM, chunk(b"half"), Do.CUT],
    [STREAM, chunk(b"half"), Do.RESET],
    [STREAM, b"9\r\nhalf", Do.CUT],
    [STREAM, chunk(b"half"), Do.REST, b"nonsense\r\n", Do.HANG],
]
SILENT: list[tuple[list[Step], Timeouts]] = [
    ([Do.HANG], Timeouts(first_byte_s=0.1)),
    ([b"HTTP/1.1 200 O", Do.HANG], Timeouts(first_byte_s=0.1)),
    ([STREAM, Do.HANG], Timeouts(idle_s=0.1)),
    ([STREAM, chunk(b"a"), Do.HANG], Timeouts(idle_s=0.1)),
    ([STREAM, Do.DRIP], Timeouts(total_s=0.2)),
    ([Do.HANG], Timeouts(total_s=0.1)),
]


class UpstreamResponseContract:
    """What `ports.UpstreamResponse` promises of the body."""

    @pytest.mark.parametrize("answer", BROKEN)
    def test_a_body_that_was_cut_off_ends_with_an_error(
        self, client: Client, answer: list[Step]
    ) -> None:
        async def scenario() -> None:
            async with between(client, answer) as (server, upstream):
                response = await post(upstream, server)
                seen, error = await received(response)
                assert b"half".startswith(seen)
                assert isinstance(error, Disconnected | ProtocolError)
                with pytest.raises(HTTPError):  # and again, whenever it is asked
                    await anext(response.chunks())
                assert await fetched(upstream, server) == b"ok"

        run(scenario)

    def test_every_framing_gives_the_same_body(self, client: Client) -> None:
        body = bytes(range(256)) * 5
        length = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)

        async def scenario() -> None:
            framings: list[list[Step]] = [
                [length, body],
                [STREAM, chunk(body[:9]), chunk(body[9:]), LAST],
                [b"HTTP/1.1 200 OK\r\n\r\n", body, Do.CUT],
                [b"HTTP/1.1 103 Early Hints\r\n\r\n" + length, body],
            ]
            async with between(client, *framings) as (server, upstream):
                for _ in framings:
                    assert await fetched(upstream, server) == body

        run(scenario)

    def test_a_content_coding_is_not_undone_and_headers_are_joined(self, client: Client) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX-Tag: a\r\nx-tag: b\r\n"

        async def scenario() -> None:
            async with between(client, [head + b"content-length: 3\r\n\r\nabc"]) as (
                server,
                upstream,
            ):
                response = await post(upstream, server)
                assert response.headers["x-tag"] == "a, b"
                assert await body_of(response) == b"abc"

        run(scenario)

    def test_events_come_as_they_are_sent(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, [STREAM, chunk(b"data: 1\n\n"), Do.HANG]) as (
                server,
                upstream,
            ):
                response = await post(upstream, server)
                assert await anext(response.chunks()) == b"data: 1\n\n"
                await response.aclose()
                await server.left.wait()

        run(scenario)

    def test_closing_early_closes_the_connection_and_twice_is_harmless(
        self, client: Client
    ) -> None:
        async def scenario() -> None:
            async with between(client, [STREAM, Do.HANG], max_connections=1) as (server, upstream):
                response = await post(upstream, server)
                await response.aclose()
                await response.aclose()
                await server.left.wait()
                with pytest.raises(HTTPError):
                    await anext(response.chunks())
                assert await fetched(upstream, server) == b"ok"

        run(scenario)

    def test_a_slow_reader_stops_the_server_and_loses_nothing(self, client: Client) -> None:
        block, total = bytes(range(256)) * 256, 32 * 1024 * 1024
        sent, stalled = 0, asyncio.Event()

        async def flood(writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
            while sent < total:
                writer.write(block)
                sent += len(block)
                try:
                    await asyncio.wait_for(writer.drain(), 0.3)
                except TimeoutError:
                    stalled.set()
                    await writer.drain()

        async def scenario() -> None:
            async with between(client, [flood]) as (server, upstream):
                response = await post(upstream, server)
                await stalled.wait()
                assert sent < total // 2
                received = 0
                async for data in response.chunks():
                    position = received % 256
                    assert data[:256] == (block[position:] + block)[: len(data[:256])]
                    received += len(data)
                assert received == total

        run(scenario)


class UpstreamContract(UpstreamResponseContract):
    """Everything `ports.Upstream` promises."""

    def test_a_request_arrives_as_it_was_made(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client) as (server, upstream):
                await fetched(upstream, server, headers={"x-one": "1"}, body=b"\x00body\xff")
                [head] = server.heads
                line, *fields = head.decode().strip().lower().split("\r\n")
                assert line == "post /v1/path?q=1 http/1.1"
                host = f"host: 127.0.0.1:{server.port}"
                assert sorted(fields) == ["content-length: 6", host, "x-one: 1"]
                assert server.bodies == [b"\x00body\xff"]

        run(scenario)

    @pytest.mark.parametrize("name", ["x-bad\r\nname", "x bad", "host", "content-length"])
    def test_what_cannot_be_a_header_is_refused_before_anything_is_sent(
        self, client: Client, name: str
    ) -> None:
        async def scenario() -> None:
            async with between(client) as (server, upstream):
                for headers in ({name: "1"}, {"authorization": "secret\r\nx: y"}):
                    with pytest.raises(ValueError, match="header") as refusal:
                        await post(upstream, server, headers=headers)
                    assert "secret" not in str(refusal.value)
                assert server.accepted == 0

        run(scenario)

    def test_redirects_are_answers_and_cookies_are_not_kept(self, client: Client) -> None:
        moved = (
            b"HTTP/1.1 302 Found\r\nlocation: /x\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
        )

        async def scenario() -> None:
            async with between(client, [moved]) as (server, upstream):
                response = await post(upstream, server)
                assert (response.status, await body_of(response)) == (302, b"")
                await fetched(upstream, server)
                assert len(server.heads) == 2
                assert b"cookie" not in server.heads[1].lower()

        run(scenario)

    def test_requests_use_no_more_connections_than_they_need(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, max_connections=3) as (server, upstream):
                for _ in range(20):
                    assert await fetched(upstream, server) == b"ok"
                assert (server.accepted, upstream.open_connections) == (1, 1)
                calls = [fetched(upstream, server) for _ in range(60)]
                assert await asyncio.gather(*calls) == [b"ok"] * 60
                assert server.accepted <= 3
                assert upstream.open_connections <= 3

        run(scenario)

    @pytest.mark.parametrize(("answer", "timeouts"), SILENT)
    def test_a_server_that_is_slow_in_any_way_hits_a_deadline(
        self, client: Client, answer: list[Step], timeouts: Timeouts
    ) -> None:
        async def scenario() -> None:
            async with between(client, [OK], answer) as (server, upstream):
                await fetched(upstream, server)
                with pytest.raises(ReadTimeout):
                    await fetched(upstream, server, timeouts=timeouts)
                await server.left.wait()
                assert len(server.heads) == 2
                assert await fetched(upstream, server) == b"ok"

        run(scenario)

    def test_waiting_for_a_connection_has_a_deadline(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, [STREAM, Do.HANG], max_connections=1) as (server, upstream):
                response = await post(upstream, server)
                with pytest.raises(ConnectTimeout):
                    await post(upstream, server, timeouts=Timeouts(connect_s=0.05))
                waiting = asyncio.create_task(fetched(upstream, server))
                await asyncio.sleep(0)
                await response.aclose()
                assert await waiting == b"ok"

        run(scenario)

    def test_a_forgotten_response_gives_its_connection_back(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, [STREAM, Do.HANG], max_connections=1) as (server, upstream):
                forgotten = await post(upstream, server, timeouts=Timeouts(total_s=0.5))
                assert await fetched(upstream, server) == b"ok"
                with pytest.raises(ReadTimeout):
                    await anext(forgotten.chunks())

        run(scenario)

    @pytest.mark.parametrize(
        "answer", [[Do.CUT], [Do.RESET], [b"H", Do.CUT]], ids=["cut", "reset", "begun"]
    )
    def test_a_new_connection_that_breaks_is_an_error(
        self, client: Client, answer: list[Step]
    ) -> None:
        async def scenario() -> None:
            async with between(client, answer) as (server, upstream):
                with pytest.raises(Disconnected):
                    await post(upstream, server)
                assert len(server.heads) == 1

        run(scenario)

    @pytest.mark.parametrize("end", [Do.CUT, Do.RESET])
    def test_a_connection_that_went_stale_is_replaced_unnoticed(
        self, client: Client, end: Step
    ) -> None:
        async def scenario() -> None:
            async with between(client, [OK], [end]) as (server, upstream):
                assert await fetched(upstream, server) == b"ok"
                assert await fetched(upstream, server, body=b"again") == b"ok"
                assert server.bodies == [b"{}", b"again", b"again"]

        run(scenario)

    def test_a_request_is_not_repeated_once_a_byte_of_its_answer_came(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, [OK], [b"HTTP/1.1 2", Do.CUT]) as (server, upstream):
                await fetched(upstream, server)
                with pytest.raises((Disconnected, ProtocolError)):
                    await post(upstream, server)
                assert len(server.heads) == 2

        run(scenario)

    @pytest.mark.parametrize(
        "garbage",
        [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"],
        ids=["protocol", "head"],
    )
    def test_what_is_no_answer_is_an_error(self, client: Client, garbage: bytes) -> None:
        async def scenario() -> None:
            async with between(client, [garbage, Do.HANG]) as (server, upstream):
                with pytest.raises(ProtocolError):
                    await post(upstream, server)
                await server.left.wait()

        run(scenario)

    def test_surplus_bytes_are_never_the_next_answer(self, client: Client) -> None:
        poison = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"

        async def scenario() -> None:
            async with between(client, [OK + poison]) as (server, upstream):
                assert await fetched(upstream, server) == b"ok"
                assert await fetched(upstream, server) == b"ok"

        run(scenario)

    def test_cancelling_closes_the_connection(self, client: Client) -> None:
        async def scenario() -> None:
            answers: list[list[Step]] = [[Do.HANG], [STREAM, Do.HANG]]
            for answer in answers:
                async with between(client, answer, max_connections=1) as (server, upstream):
                    call = asyncio.create_task(fetched(upstream, server))
                    await server.asked.wait()
                    await asyncio.sleep(0.02)
                    call.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await call
                    await server.left.wait()
                    assert await fetched(upstream, server) == b"ok"

        run(scenario)

    def test_cancelling_at_any_moment_loses_no_connection(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, max_connections=2) as (server, upstream):
                for pause in range(20):
                    calls = [asyncio.create_task(fetched(upstream, server)) for _ in range(6)]
                    for _ in range(pause):
                        await asyncio.sleep(0)
                    for call in calls[::2]:
                        call.cancel()
                    outcomes = await asyncio.gather(*calls, return_exceptions=True)
                    assert outcomes[1::2] == [b"ok"] * 3
                assert upstream.open_connections <= 2

        run(scenario)

    def test_nobody_there_is_a_connect_error(self, client: Client) -> None:
        async def scenario() -> None:
            async with Server() as gone:
                pass
            upstream = client()
            with pytest.raises(ConnectError):
                await post(upstream, gone)
            assert upstream.open_connections == 0
            await upstream.aclose()

        run(scenario)

    def test_an_address_that_is_not_allowed_is_not_connected_to(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, allowed_address=lambda _: False) as (server, upstream):
                for host in ("127.0.0.1", "localhost"):
                    url = f"http://{host}:{server.port}/"
                    with pytest.raises(ConnectError, match="may not be called"):
                        await upstream.request("GET", url, headers={}, body=b"", timeouts=PATIENT)
                assert server.accepted == 0

        run(scenario)

    def test_closing_fails_what_is_in_flight_and_what_comes_after(self, client: Client) -> None:
        async def scenario() -> None:
            async with between(client, [STREAM, Do.HANG]) as (server, upstream):
                response = await post(upstream, server)
                await upstream.aclose()
                await upstream.aclose()
                with pytest.raises(HTTPError):
                    await body_of(response)
                with pytest.raises(ConnectError):
                    await post(upstream, server)

        run(scenario)
