from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.kit.http1_session import OK, Run, fetched, get, talking
from tests.loops import LOOPS, run_on
from tests.upstream import (
    LAST_CHUNK,
    STREAM_HEAD,
    Answer,
    Peer,
    Upstream,
    chunked,
    cut,
    hang,
    head,
    once,
    reset,
    respond,
)

from trimtab.kit.http1 import (
    ConnectError,
    ConnectTimeout,
    Disconnected,
    HTTP1Client,
    ProtocolError,
    ReadTimeout,
    Timeouts,
)

pytestmark = pytest.mark.slow


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return lambda test: run_on(request.param, test)


# -- bodies that go wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ([head(200, content_length="9"), b"half", cut], Disconnected),
        ([STREAM_HEAD, *chunked(b"half"), cut], Disconnected),
        ([STREAM_HEAD, b"9\r\nhalf", cut], Disconnected),
        ([STREAM_HEAD, *chunked(b"half"), b"nonsense\r\n", hang], ProtocolError),
    ],
)
def test_a_body_that_stops_early_is_an_error_after_its_bytes(
    run: Run, answer: Answer, error: type[Exception]
) -> None:
    async def test() -> None:
        async with talking(answer) as (upstream, client):
            response = await get(client, upstream)
            received = b""
            try:
                async for chunk in response.chunks():
                    received += chunk
            except error:
                assert received == b"half"
            else:
                pytest.fail("a cut body ended as if it were whole")
            assert await fetched(client, upstream) == b"ok"

    run(test)


@pytest.mark.parametrize("framing", [{}, {"content_length": "9"}])
def test_a_connection_that_is_reset_is_never_the_end_of_a_body(
    run: Run, framing: dict[str, str]
) -> None:
    async def test() -> None:
        was_read = asyncio.Event()
        answer: Answer = [head(200, **framing), b"half", once(was_read), reset]
        async with talking(answer) as (upstream, client):
            response = await get(client, upstream)
            assert await anext(response) == b"half"
            was_read.set()
            with pytest.raises(Disconnected):
                await anext(response)

    run(test)


def test_a_head_over_the_limit_is_refused(run: Run) -> None:
    async def test() -> None:
        answer = respond(200, b"ok", x_padding="x" * 5000)
        async with talking(answer, max_head_bytes=4096) as (upstream, client):
            with pytest.raises(ProtocolError, match="4096"):
                await get(client, upstream)

    run(test)


def test_an_answer_that_comes_before_the_request_is_sent_is_read(run: Run) -> None:
    async def test() -> None:
        async with talking([*respond(413, b"too large"), hang]) as (upstream, client):
            upstream.reads_body = False
            response = await get(client, upstream, body=b"x" * 50_000_000)
            assert (response.status, await response.read()) == (413, b"too large")
            await upstream.client_gone.wait()
            upstream.reads_body = True
            assert await fetched(client, upstream) == b"ok"
            assert upstream.accepted == 2

    run(test)


# -- deadlines ---------------------------------------------------------------------------------


async def drip(peer: Peer) -> None:
    """One more header byte now and then, for as long as the client listens."""
    with contextlib.suppress(ConnectionError):
        while not peer.reader.at_eof():
            peer.writer.write(b"x")
            await peer.writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(peer.reader.read(1), 0.01)
    await hang(peer)


async def drip_body(peer: Peer) -> None:
    peer.writer.write(STREAM_HEAD + b"ffffff\r\n")
    await drip(peer)


@pytest.mark.parametrize(
    ("answer", "timeouts", "says"),
    [
        ([hang], Timeouts(first_byte_s=0.1), "no response came within 0.1 s"),
        ([b"HTTP/1.1 200 O", drip], Timeouts(first_byte_s=0.1, idle_s=0.05), "within 0.1 s"),
        ([STREAM_HEAD, hang], Timeouts(idle_s=0.1), "nothing came for 0.1 s"),
        ([STREAM_HEAD, *chunked(b"a"), hang], Timeouts(idle_s=0.1), "nothing came for 0.1 s"),
        ([drip_body], Timeouts(total_s=0.15, idle_s=5), "longer than 0.15 s"),
        ([hang], Timeouts(total_s=0.1), "longer than 0.1 s"),
    ],
)
def test_a_server_that_is_slow_in_any_way_hits_a_deadline(
    run: Run, answer: Answer, timeouts: Timeouts, says: str
) -> None:
    async def test() -> None:
        async with talking(OK, answer) as (upstream, client):
            await fetched(client, upstream)
            with pytest.raises(ReadTimeout, match=says):
                await fetched(client, upstream, timeouts=timeouts)
            await upstream.client_gone.wait()
            assert len(upstream.requests) == 2

    run(test)


def test_a_slow_but_steady_body_outlives_the_idle_deadline(run: Run) -> None:
    async def steady(peer: Peer) -> None:
        for _ in range(10):
            peer.writer.write(chunked(b"x")[0])
            await asyncio.sleep(0.1)
        peer.writer.write(LAST_CHUNK)

    async def test() -> None:
        async with talking([STREAM_HEAD, steady]) as (upstream, client):
            body = await fetched(client, upstream, timeouts=Timeouts(idle_s=0.8))
            assert body == b"x" * 10

    run(test)


def test_a_handshake_that_does_not_end_hits_the_connect_deadline(run: Run) -> None:
    async def test() -> None:
        async with Upstream() as upstream:
            client = HTTP1Client()
            with pytest.raises(ConnectTimeout):
                await client.request(
                    "GET", f"https://127.0.0.1:{upstream.port}", timeouts=Timeouts(connect_s=0.1)
                )
            assert client.open_connections == 0
            await client.aclose()

    run(test)


def test_waiting_for_a_connection_hits_the_connect_deadline_and_leaves_the_queue(run: Run) -> None:
    async def test() -> None:
        async with talking([STREAM_HEAD, hang], max_connections=1) as (upstream, client):
            response = await get(client, upstream)
            with pytest.raises(ConnectTimeout, match="no free connection"):
                await get(client, upstream, timeouts=Timeouts(connect_s=0.05))
            waiting = asyncio.create_task(fetched(client, upstream))
            await response.aclose()
            assert await waiting == b"ok"

    run(test)


def test_a_forgotten_response_gives_its_connection_back_at_the_total_deadline(run: Run) -> None:
    async def test() -> None:
        async with talking([STREAM_HEAD, hang], max_connections=1) as (upstream, client):
            await get(client, upstream, timeouts=Timeouts(total_s=0.5))
            assert await fetched(client, upstream) == b"ok"

    run(test)


# -- back-pressure and cancellation ------------------------------------------------------------


def test_a_slow_reader_stops_the_server_and_loses_nothing(run: Run) -> None:
    block = bytes(range(256)) * 256
    total = 64 * 1024 * 1024
    sent = 0
    stalled = asyncio.Event()

    async def flood(peer: Peer) -> None:
        nonlocal sent
        peer.writer.write(head(200, content_length=str(total)))
        while sent < total:
            peer.writer.write(block)
            sent += len(block)
            try:
                await asyncio.wait_for(peer.writer.drain(), 0.3)
            except TimeoutError:
                stalled.set()
                await peer.writer.drain()

    async def test() -> None:
        async with talking([flood]) as (upstream, client):
            # The server's silence is the reader's doing, so the idle deadline does not count it.
            response = await get(client, upstream, timeouts=Timeouts(idle_s=0.1))
            await stalled.wait()
            assert sent < total // 2
            received = 0
            async for chunk in response:
                assert len(chunk) <= 2 * 262_144
                position = received % 256
                assert chunk[:256] == (block[position:] + block[:256])[: len(chunk[:256])]
                received += len(chunk)
            assert received == total

    run(test)


def test_the_silence_of_a_server_counts_from_when_it_may_speak_again(run: Run) -> None:
    async def test() -> None:
        resumed = asyncio.Event()
        answer: Answer = [STREAM_HEAD, *chunked(b"a"), once(resumed), *chunked(b"b"), LAST_CHUNK]
        async with talking(answer, buffer_bytes=1) as (upstream, client):
            response = await get(client, upstream, timeouts=Timeouts(idle_s=0.5))
            await asyncio.sleep(0.7)  # longer than the deadline, with a full buffer
            assert await anext(response) == b"a"
            await asyncio.sleep(0.02)
            resumed.set()
            assert await response.read() == b"b"

    run(test)


def test_cancelling_a_request_or_a_read_closes_the_connection(run: Run) -> None:
    async def test() -> None:
        before_head: Answer = [hang]
        in_body: Answer = [STREAM_HEAD, hang]
        for answer in (before_head, in_body):
            async with talking(answer, max_connections=1) as (upstream, client):
                call = asyncio.create_task(fetched(client, upstream))
                await upstream.asked.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                await upstream.client_gone.wait()
                assert await fetched(client, upstream) == b"ok"

    run(test)


def test_cancelling_requests_at_any_moment_loses_no_connection(run: Run) -> None:
    """Cancel many at different steps of their life; afterwards the pool is as good as new."""

    async def test() -> None:
        async with talking(max_connections=2) as (upstream, client):
            for pause in range(30):
                calls = [asyncio.create_task(fetched(client, upstream)) for _ in range(6)]
                for _ in range(pause):
                    await asyncio.sleep(0)
                for call in calls[::2]:
                    call.cancel()
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                assert outcomes[1::2] == [b"ok"] * 3
            assert await asyncio.gather(*[fetched(client, upstream) for _ in range(4)]) == (
                [b"ok"] * 4
            )
            assert client.open_connections <= 2

    run(test)


def test_only_one_task_may_read_a_response(run: Run) -> None:
    async def test() -> None:
        async with talking([STREAM_HEAD, hang]) as (upstream, client):
            response = await get(client, upstream)
            first = asyncio.ensure_future(anext(response))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task"):
                await anext(response)
            await response.aclose()
            with pytest.raises(Disconnected):
                await first

    run(test)


def test_closing_the_client_fails_what_is_in_flight_and_what_waits(run: Run) -> None:
    async def test() -> None:
        async with talking([STREAM_HEAD, hang], max_connections=1) as (upstream, client):
            response = await get(client, upstream)
            reading = asyncio.ensure_future(response.read())
            waiting = asyncio.ensure_future(get(client, upstream))
            await asyncio.sleep(0)
            await client.aclose()
            assert client.open_connections == 0
            with pytest.raises(Disconnected):
                await reading
            with pytest.raises(ConnectError, match="client was closed"):
                await waiting
            await client.aclose()
            with pytest.raises(ConnectError, match="client was closed"):
                await get(client, upstream)

    run(test)


def test_events_come_as_they_are_sent_not_when_the_stream_ends(run: Run) -> None:
    async def test() -> None:
        read = asyncio.Event()
        answer: Answer = [STREAM_HEAD, *chunked(b"first"), once(read), *chunked(b"2"), LAST_CHUNK]
        async with talking(answer) as (upstream, client):
            response = await get(client, upstream)
            assert await anext(response) == b"first"
            read.set()
            assert await response.read() == b"2"

    run(test)
