from __future__ import annotations

import asyncio

import pytest
from tests.kit.http1_session import OK, Run, fetched, get, talking
from tests.loops import LOOPS, run_on
from tests.upstream import (
    LAST_CHUNK,
    STREAM_HEAD,
    Answer,
    Upstream,
    chunked,
    cut,
    cut_if_reused,
    every_byte,
    hang,
    head,
    once,
    raw,
    reset,
    respond,
)

from trimtab.kit.http1 import (
    ClientSettings,
    ConnectError,
    Disconnected,
    HTTP1Client,
)
from trimtab.kit.http1.request import parse_url


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return lambda test: run_on(request.param, test)


# -- what goes over the wire -------------------------------------------------------------------


def test_a_request_arrives_as_it_was_made_and_its_response_comes_back(run: Run) -> None:
    async def test() -> None:
        answer = [head(201, "Created", x_tag="a", X_Tag="b", content_length="3"), b"a\x00\xff"]
        async with talking(answer) as (upstream, client):
            response = await client.request(
                "POST", f"{upstream.url}/v1/x?y=z", headers={"X-One": "1\t2"}, body=b"\x00body\xff"
            )
            assert (response.status, response.headers["x-tag"]) == (201, "a, b")
            assert await response.read() == b"a\x00\xff"
            [request] = upstream.requests
            assert (request.method, request.target, request.body) == (
                "POST",
                "/v1/x?y=z",
                b"\x00body\xff",
            )
            assert request.headers == {
                "host": f"127.0.0.1:{upstream.port}",
                "x-one": "1\t2",
                "content-length": "6",
            }

    run(test)


def test_every_framing_gives_the_same_body(run: Run) -> None:
    body = bytes(range(256)) * 3

    async def test() -> None:
        framings: list[Answer] = [
            respond(200, body),
            [head(200, transfer_encoding="chunked"), *chunked(body[:9], body[9:]), LAST_CHUNK],
            [head(200), body, cut],
            [b"HTTP/1.1 103 Early Hints\r\n\r\n", *respond(200, body)],
            every_byte(raw(respond(200, body))),
        ]
        async with talking(*framings) as (upstream, client):
            for _ in framings:
                assert await fetched(client, upstream) == body

    run(test)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", [head(200, content_length="1000")]),
        ("DELETE", [head(204)]),
        ("GET", [head(304, content_length="1000")]),
    ],
)
def test_responses_without_a_body_leave_the_connection_usable(
    run: Run, method: str, answer: Answer
) -> None:
    async def test() -> None:
        async with talking(answer) as (upstream, client):
            assert await (await client.request(method, upstream.url)).read() == b""
            assert await fetched(client, upstream) == b"ok"
            assert upstream.accepted == 1

    run(test)


def test_redirects_are_answers_like_any_other(run: Run) -> None:
    async def test() -> None:
        async with talking([head(302, location="/elsewhere", content_length="0")]) as (
            upstream,
            client,
        ):
            assert (await get(client, upstream)).status == 302
            assert len(upstream.requests) == 1

    run(test)


def test_proxy_variables_of_the_environment_have_no_effect(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def test() -> None:
        async with talking() as (upstream, client):
            assert await fetched(client, upstream) == b"ok"

    run(test)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "secret\r\nx-injected: 1"),
        ("authorization", "secret\nx-injected: 1"),
        ("authorization", "secret\x00"),
        ("authorization", "secret ☃"),
        ("x-bad\r\nname", "secret"),
        ("x bad", "secret"),
        ("", "secret"),
        ("Host", "secret.example"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_header_injection_is_refused_before_anything_is_sent(
    run: Run, name: str, value: str
) -> None:
    async def test() -> None:
        async with talking() as (upstream, client):
            with pytest.raises(ValueError, match="header") as refusal:
                await get(client, upstream, headers={name: value})
            assert "secret" not in str(refusal.value)
            assert upstream.accepted == 0

    run(test)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "example.org/path",
        "http:///path",
        "http://user:secret@example.org/",
        "http://example.org/#part",
        "http://example.org/a b",
        "http://example.org/ü",
        "http://example.org:99999/",
    ],
)
def test_urls_that_cannot_be_called_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        parse_url(url)
    assert "secret" not in str(refusal.value)


def test_a_method_that_is_no_token_is_refused(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, client):
            with pytest.raises(ValueError, match="method"):
                await client.request("GET / HTTP/1.1\r\nx:", upstream.url)
            assert upstream.accepted == 0

    run(test)


# -- connections -------------------------------------------------------------------------------


def test_requests_one_after_another_use_one_connection(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, client):
            for _ in range(50):
                assert await fetched(client, upstream, body=b"x") == b"ok"
            assert upstream.accepted == 1

    run(test)


def test_requests_at_once_use_no_more_connections_than_allowed_and_go_in_order(run: Run) -> None:
    async def test() -> None:
        async with talking(max_connections=3) as (upstream, client):
            async with asyncio.TaskGroup() as group:
                for number in range(40):
                    group.create_task(fetched(client, upstream, headers={"n": str(number)}))
            assert upstream.accepted == upstream.peak == 3
            served = [int(request.headers["n"]) for request in upstream.requests]
            # Three run at a time, so a request can be overtaken by two others at most.
            assert all(abs(number - place) <= 2 for place, number in enumerate(served))
            assert sorted(served) == list(range(40))

    run(test)


def test_waiting_requests_are_served_first_come_first_served(run: Run) -> None:
    async def test() -> None:
        async with talking(max_connections=1) as (upstream, client):
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(fetched(client, upstream, headers={"n": str(number)}))
            assert [int(request.headers["n"]) for request in upstream.requests] == list(range(20))

    run(test)


def test_closing_a_response_early_frees_its_place_for_another_request(run: Run) -> None:
    async def test() -> None:
        stream: Answer = [STREAM_HEAD, *chunked(b"one"), hang]
        async with talking(stream, stream, max_connections=1) as (upstream, client):
            for _ in range(2):
                response = await get(client, upstream)
                assert await anext(response) == b"one"
                await response.aclose()
                await upstream.client_gone.wait()
                upstream.client_gone.clear()
            assert await fetched(client, upstream) == b"ok"
            assert upstream.accepted == 3

    run(test)


def test_a_closed_response_does_not_pretend_to_have_ended(run: Run) -> None:
    async def test() -> None:
        async with talking([STREAM_HEAD, *chunked(b"one"), hang]) as (upstream, client):
            response = await get(client, upstream)
            await response.aclose()
            await response.aclose()
            with pytest.raises(Disconnected):
                await response.read()

    run(test)


def test_closing_a_response_that_was_read_keeps_the_connection(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, client):
            for _ in range(3):
                response = await get(client, upstream)
                await response.read()
                await response.aclose()
            assert upstream.accepted == 1

    run(test)


def test_a_failed_connection_gives_its_place_to_the_next_request(run: Run) -> None:
    async def test() -> None:
        async with Upstream() as closed:
            pass
        client = HTTP1Client(ClientSettings(max_connections=1))
        attempts = [fetched(client, closed) for _ in range(5)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ConnectError] * 5
        assert client.open_connections == 0
        await client.aclose()

    run(test)


def test_surplus_bytes_are_never_read_as_the_next_response(run: Run) -> None:
    async def test() -> None:
        poisoned: Answer = [raw(OK) + raw(respond(200, b"poison"))]
        async with talking(poisoned) as (upstream, client):
            assert await fetched(client, upstream) == b"ok"
            assert await fetched(client, upstream) == b"ok"
            assert upstream.accepted == 2

    run(test)


def test_a_server_that_speaks_unasked_loses_the_connection(run: Run) -> None:
    async def test() -> None:
        was_read = asyncio.Event()
        unasked: Answer = [*OK, once(was_read), raw(respond(408, b"poison")), hang]
        async with talking(unasked) as (upstream, client):
            assert await fetched(client, upstream) == b"ok"
            was_read.set()
            await upstream.client_gone.wait()
            assert await fetched(client, upstream) == b"ok"
            assert upstream.accepted == 2

    run(test)


def test_an_unused_connection_is_closed_after_a_while(run: Run) -> None:
    async def test() -> None:
        async with talking([*OK, hang], keepalive_s=0.05) as (upstream, client):
            assert await fetched(client, upstream) == b"ok"
            await upstream.client_gone.wait()
            assert client.open_connections == 0

    run(test)


# -- stale connections -------------------------------------------------------------------------


def test_a_connection_closed_while_it_was_idle_is_replaced_unnoticed(run: Run) -> None:
    async def test() -> None:
        for ending in (cut, reset):
            async with talking(OK, [ending]) as (upstream, client):
                assert await fetched(client, upstream) == b"ok"
                assert await fetched(client, upstream, body=b"again") == b"ok"
                assert [request.body for request in upstream.requests] == [b"", b"again", b"again"]
                assert upstream.accepted == 2

    run(test)


def test_a_request_is_sent_at_most_twice_however_many_connections_are_stale(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, client):
            await asyncio.gather(*[fetched(client, upstream) for _ in range(4)])
            served = len(upstream.requests)
            upstream.play([cut], [cut], [cut])
            with pytest.raises(Disconnected):
                await get(client, upstream)
            assert len(upstream.requests) == served + 2

    run(test)


def test_the_second_attempt_uses_a_new_connection_even_if_others_are_free(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, client):
            upstream.handler = lambda _: [cut_if_reused, *OK]
            await asyncio.gather(*[fetched(client, upstream) for _ in range(4)])
            assert await fetched(client, upstream) == b"ok"

    run(test)


def test_the_replacement_of_a_stale_connection_stays_within_the_limit(run: Run) -> None:
    async def test() -> None:
        async with talking(max_connections=2) as (upstream, client):
            await asyncio.gather(*[fetched(client, upstream) for _ in range(2)])
            upstream.play([cut])
            await asyncio.gather(*[fetched(client, upstream) for _ in range(10)])
            assert upstream.peak == 2

    run(test)


def test_a_new_connection_that_breaks_is_not_tried_again(run: Run) -> None:
    async def test() -> None:
        async with talking([cut]) as (upstream, client):
            with pytest.raises(Disconnected):
                await get(client, upstream)
            assert len(upstream.requests) == 1

    run(test)


def test_a_request_is_not_repeated_once_a_byte_of_its_response_came(run: Run) -> None:
    async def test() -> None:
        async with talking(OK, [b"H", cut]) as (upstream, client):
            await fetched(client, upstream)
            with pytest.raises(Disconnected):
                await get(client, upstream)
            assert len(upstream.requests) == 2

    run(test)
