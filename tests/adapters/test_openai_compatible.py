from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests import upstream as play
from tests.far import compatible
from tests.loops import LOOPS, run_on
from tests.upstream import Answer, Upstream

from trimtab.errors import (
    ConfigError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    TrimtabError,
)
from trimtab.kit.mask import KeyMask
from trimtab.ports import Call, Provider, Reply
from trimtab.records import ModelCard
from trimtab.testing.provider import folded

pytestmark = pytest.mark.slow


KEY = "sk-test-0123456789abcdef"
CARD = ModelCard(id="acme/small", provider="acme")
REQUEST = {"model": "small", "messages": [{"role": "user", "content": "Grüße, 世界"}]}
BODY = json.dumps(REQUEST).encode()
STREAM_BODY = json.dumps({**REQUEST, "stream": True}).encode()
Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return lambda test: run_on(request.param, test)


def provider_at(base_url: str, api_key: str | None = KEY, **settings: Any) -> Provider:
    return compatible(base_url, "acme", api_key=api_key, cards=(CARD,), **settings)


@contextlib.asynccontextmanager
async def talking(*answers: Answer, **settings: Any) -> AsyncIterator[tuple[Upstream, Provider]]:
    """An upstream that plays `answers` and then behaves, and a provider that calls it."""
    async with Upstream(key=KEY) as upstream:
        upstream.play(*answers)
        provider = provider_at(upstream.base_url, **settings)
        try:
            yield upstream, provider
        finally:
            await provider.aclose()


async def send(provider: Provider, *, stream: bool = False, **options: Any) -> Reply:
    body = STREAM_BODY if stream else BODY
    return await provider.send(Call(model="small", body=body, stream=stream, **options))


async def body_of(reply: Reply) -> bytes:
    return b"".join([chunk async for chunk in reply.chunks])


async def received(reply: Reply) -> tuple[bytes, TrimtabError | None]:
    """The bytes of an answer, and the error that ended it, if one did."""
    body = b""
    try:
        async for chunk in reply.chunks:
            body += chunk
    except TrimtabError as error:
        return body, error
    return body, None


async def failure(provider: Provider, *, stream: bool = False) -> TrimtabError:
    with pytest.raises(TrimtabError) as caught:
        await send(provider, stream=stream)
    return caught.value


# -- answers -----------------------------------------------------------------------------------


def test_a_call_is_sent_as_it_is_and_answered_untouched(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, provider):
            reply = await send(provider)
            assert reply.status == 200
            assert dict(reply.headers) == {
                "content-type": "application/json",
                "x-request-id": "req_0001",
                "openai-processing-ms": "12",
                "x-ratelimit-remaining-requests": "59",
            }
            assert play.raw(play.chat_completion(REQUEST)).endswith(await body_of(reply))
            [request] = upstream.requests
            assert (request.method, request.target) == ("POST", "/v1/chat/completions")
            assert request.body == BODY
            assert request.headers["authorization"] == f"Bearer {KEY}"
            assert request.headers["accept"] == "application/json"

    run(test)


def test_a_streamed_answer_is_forwarded_byte_for_byte(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, provider):
            reply = await send(provider, stream=True)
            assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert await body_of(reply) == b"".join(play.chat_events(REQUEST))
            assert upstream.requests[0].headers["accept"] == "text/event-stream"

    run(test)


def test_the_connection_is_kept_between_calls(run: Run) -> None:
    async def test() -> None:
        async with talking() as (upstream, provider):
            for _ in range(10):
                await body_of(await send(provider, stream=True))
            assert upstream.accepted == 1

    run(test)


@pytest.mark.parametrize("end", ["", "/", "//"])
@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/deployments/x"])
def test_base_urls_join_with_or_without_a_slash_and_under_any_prefix(prefix: str, end: str) -> None:
    async def test() -> None:
        async with Upstream(handler=lambda _: play.respond(200, b"{}")) as upstream:
            provider = provider_at(upstream.url + prefix + end)
            await body_of(await send(provider))
            assert upstream.requests[0].target == f"{prefix}/chat/completions"
            await provider.aclose()

    run_on("asyncio", test)


@pytest.mark.parametrize("api_key", [None, ""])
def test_without_a_key_no_credential_is_sent(api_key: str | None) -> None:
    async def test() -> None:
        async with Upstream() as upstream:
            provider = provider_at(upstream.base_url, api_key)
            await body_of(await send(provider))
            assert "authorization" not in upstream.requests[0].headers
            await provider.aclose()

    run_on("asyncio", test)


def test_the_cards_are_those_it_was_given() -> None:
    assert list(provider_at("http://127.0.0.1:9/v1").cards()) == [CARD]


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.com/v1",
        "ftp://api.example.com/v1",
        "https://api.example.com/v1/chat/completions",
        "https://api.example.com/v1?api-version=1",
        "https://user:pass@api.example.com/v1",
    ],
)
def test_an_address_that_cannot_work_is_a_configuration_error(base_url: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        provider_at(base_url)
    assert refusal.value.where == "providers[acme].base_url"
    assert "pass@" not in str(refusal.value)


@pytest.mark.parametrize("api_key", [f"{KEY}\n", f"{KEY}\r\nx: y", f"{KEY}☃"])
def test_a_key_that_cannot_be_sent_is_a_configuration_error_that_hides_it(api_key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        provider_at("http://127.0.0.1:9/v1", api_key)
    assert refusal.value.where == "providers[acme].api_key"
    assert KEY not in str(refusal.value)


# -- errors of the provider --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (play.error_json(400, "Unsupported parameter", "unsupported_parameter"), 400),
        (play.error_json(403, "You may not use this model"), 403),
        (play.error_json(404, "The model does not exist", "model_not_found"), 404),
        (play.rate_limited(7), 429),
        (play.error_json(500, "The server had an error"), 500),
        (play.server_error_html(), 500),
        (play.error_json(529, "Overloaded"), 529),
    ],
)
def test_error_answers_pass_with_status_and_body(run: Run, answer: Answer, status: int) -> None:
    async def test() -> None:
        async with talking(answer) as (_, provider):
            reply = await send(provider)
            assert reply.status == status
            assert play.raw(answer).endswith(b"\r\n\r\n" + await body_of(reply))

    run(test)


def test_a_rate_limit_passes_with_everything_a_client_needs_to_wait(run: Run) -> None:
    async def test() -> None:
        async with talking(play.rate_limited(7)) as (_, provider):
            reply = await send(provider)
            await body_of(reply)
            assert dict(reply.headers) == {
                "content-type": "application/json",
                "retry-after": "7",
                "retry-after-ms": "7000",
                "x-should-retry": "true",
                "x-ratelimit-remaining-requests": "0",
            }

    run(test)


def test_a_refused_credential_is_not_mistaken_for_the_callers_own(run: Run) -> None:
    async def test() -> None:
        async with Upstream(key="sk-another-key") as upstream:
            provider = provider_at(upstream.base_url)
            error = await failure(provider)
            assert type(error) is ProviderError
            assert error.status == 502
            assert error.fix == "check providers[acme].api_key"
            assert KEY not in f"{error}{error!r}{error.fields}"
            await provider.aclose()

    run(test)


def test_a_key_echoed_in_an_error_is_masked_however_it_is_split(run: Run) -> None:
    said = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}."}}).encode()

    async def test() -> None:
        split = play.every_byte(play.raw(play.respond(403, said)))
        async with talking(play.respond(403, said), split) as (_, provider):
            for _ in range(2):
                body = await body_of(await send(provider))
                assert body == said.replace(KEY.encode(), b"***")

    run(test)


def test_redirects_are_refused_with_what_to_change(run: Run) -> None:
    async def test() -> None:
        answer = play.respond(301, location="https://elsewhere.example/v1")
        async with talking(answer) as (upstream, provider):
            error = await failure(provider)
            assert (type(error), error.fix) == (
                ProviderError,
                "set providers[acme].base_url to where it leads",
            )
            assert len(upstream.requests) == 1

    run(test)


def test_a_compressed_answer_is_refused_because_its_bytes_would_mislead(run: Run) -> None:
    async def test() -> None:
        answer = play.respond(200, gzip.compress(b"{}"), content_encoding="gzip")
        async with talking(answer) as (upstream, provider):
            assert type(await failure(provider)) is ProviderError
            assert upstream.requests[0].headers["accept-encoding"] == "identity"

    run(test)


# -- faults of the connection ------------------------------------------------------------------


def test_a_server_that_is_not_there_is_unavailable(run: Run) -> None:
    async def test() -> None:
        async with Upstream() as gone:
            pass
        provider = provider_at(gone.base_url)
        error = await failure(provider)
        assert type(error) is ProviderUnavailable
        assert "acme" in error.what
        assert error.where == error.fields["host"] == f"127.0.0.1:{gone.port}"
        await provider.aclose()

    run(test)


def test_a_server_that_hangs_up_without_a_word_is_unavailable(run: Run) -> None:
    async def test() -> None:
        async with talking([play.cut]) as (_, provider):
            assert type(await failure(provider)) is ProviderUnavailable

    run(test)


@pytest.mark.parametrize("limited_by", ["call", "provider"])
def test_a_server_that_never_answers_times_out(run: Run, limited_by: str) -> None:
    async def test() -> None:
        timeout_s = 0.1 if limited_by == "provider" else 20.0
        async with talking(play.hang_before_head(), timeout_s=timeout_s) as (upstream, provider):
            with pytest.raises(ProviderTimeout, match="acme"):
                await send(provider, timeout_s=0.1 if limited_by == "call" else 20.0)
            await upstream.client_gone.wait()

    run(test)


@pytest.mark.parametrize("settings", [{"idle_s": 0.1}, {"timeout_s": 0.1}])
def test_a_stream_that_falls_silent_times_out_after_what_it_said(
    run: Run, settings: dict[str, float]
) -> None:
    events = play.chat_events(REQUEST)[:2]

    async def test() -> None:
        async with talking(play.hang_mid_stream(*events), **settings) as (upstream, provider):
            body, error = await received(await send(provider, stream=True))
            assert body == b"".join(events)
            assert type(error) is ProviderTimeout
            assert "0.1 s" in error.what
            await upstream.client_gone.wait()

    run(test)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (play.cut_mid_stream(b"data: {}\n\n", b"data: {"), b"data: {}\n\ndata: {"),
        (play.cut_mid_body(b'{"id":', missing_bytes=10), b'{"id":'),
        (
            [play.STREAM_HEAD, *play.chunked(b"data: {}\n\n"), b"oops\r\n", play.hang],
            b"data: {}\n\n",
        ),
    ],
)
def test_an_answer_that_is_cut_off_never_ends_cleanly(
    run: Run, answer: Answer, expected: bytes
) -> None:
    async def test() -> None:
        async with talking(answer) as (_, provider):
            body, error = await received(await send(provider, stream=True))
            assert body == expected
            assert type(error) is ProviderError
            assert "broke off" in str(error)

    run(test)


@pytest.mark.parametrize("answer", [play.huge_head(100_000), play.garbage_protocol()])
def test_an_answer_that_is_not_acceptable_http_is_a_provider_error(
    run: Run, answer: Answer
) -> None:
    async def test() -> None:
        async with talking(answer) as (_, provider):
            assert type(await failure(provider)) is ProviderError

    run(test)


def test_bytes_after_the_promised_length_are_not_the_next_answer(run: Run) -> None:
    async def test() -> None:
        short = [play.raw(play.respond(200, b"{}")) + b'{"poison": true}']
        async with talking(short) as (_, provider):
            assert await body_of(await send(provider)) == b"{}"
            assert b"You said" in await body_of(await send(provider))

    run(test)


def test_closing_an_answer_early_cancels_the_work_behind_it(run: Run) -> None:
    async def test() -> None:
        async with talking(play.hang_mid_stream(b"data: {}\n\n")) as (upstream, provider):
            reply = await send(provider, stream=True)
            assert await anext(reply.chunks) == b"data: {}\n\n"
            await reply.chunks.aclose()
            await upstream.client_gone.wait()

    run(test)


def test_an_answer_can_be_closed_before_it_was_read(run: Run) -> None:
    async def test() -> None:
        async with talking(play.hang_mid_stream()) as (upstream, provider):
            await (await send(provider, stream=True)).chunks.aclose()
            await upstream.client_gone.wait()

    run(test)


# -- oddities that are none of the provider's business -----------------------------------------

EVENTS = play.chat_events(REQUEST)
BIG_EVENT = play.sse_event(json.dumps({"choices": [{"delta": {"content": "x" * 200_000}}]}))
ODD_STREAMS = {
    "crlf line ends": [event.replace(b"\n", b"\r\n") for event in EVENTS],
    "comments and keep-alives": [b": keep-alive\n\n", EVENTS[0], b":\n\n", *EVENTS[1:]],
    "missing done": EVENTS[:-1],
    "event over 64 kB": [EVENTS[0], BIG_EVENT, *EVENTS[1:]],
    "several events in one write": [b"".join(EVENTS)],
    "no space after the colon": [event.replace(b"data: ", b"data:") for event in EVENTS],
}


@pytest.mark.parametrize("events", ODD_STREAMS.values(), ids=ODD_STREAMS.keys())
def test_odd_streams_pass_byte_for_byte(run: Run, events: list[bytes]) -> None:
    async def test() -> None:
        async with talking(play.event_stream(*events)) as (_, provider):
            body = await body_of(await send(provider, stream=True))
            assert body == b"".join(events)

    run(test)


def test_an_answer_split_at_every_byte_reads_the_same(run: Run) -> None:
    async def test() -> None:
        split = play.every_byte(play.raw(play.event_stream(*EVENTS)))
        async with talking(split) as (_, provider):
            body = await body_of(await send(provider, stream=True))
            assert body == b"".join(EVENTS)
            fold = folded(body, stream=True)
            assert fold.complete
            assert fold.text == "You said: Grüße, 世界"

    run(test)


def test_garbage_instead_of_json_passes_as_it_is(run: Run) -> None:
    answer = play.garbage_json()

    async def test() -> None:
        async with talking(answer) as (_, provider):
            body = await body_of(await send(provider))
            assert body
            assert play.raw(answer).endswith(b"\r\n\r\n" + body)

    run(test)


# -- the credential ----------------------------------------------------------------------------

KEYS = st.text("ab/*", min_size=2, max_size=6).map(str.encode) | st.just(KEY.encode())


@st.composite
def keys_and_pieces(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A key, and a body in pieces that may hold it, its beginnings and its ends, cut anywhere."""
    key = draw(KEYS)
    parts = st.sampled_from([key, key[:-1], key[:2], key[1:], b"\n\n", b"*", b"a"])
    escaped = key.replace(b"/", b"\\/")
    body = b"".join(draw(st.lists(parts | st.sampled_from([escaped, escaped[:-1]]), max_size=8)))
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return key, [body[a:b] for a, b in pairwise([0, *places, len(body)])]


@given(keys_and_pieces())
@example((b"aabaa*", [b"aab", b"aaba", b"a*"]))
def test_a_key_never_passes_and_nothing_else_is_changed_or_delayed(
    drawn: tuple[bytes, list[bytes]],
) -> None:
    key, pieces = drawn
    body = b"".join(pieces)
    mask, shown, fed = KeyMask(key), b"", b""
    spellings = (key, key.replace(b"/", b"\\/"))
    for piece in pieces:
        fed += piece
        shown += mask.feed(piece)
        if not any(each in body for each in spellings):
            starts = [each[:n] for each in spellings for n in range(1, len(each))]
            kept = max((start for start in starts if fed.endswith(start)), key=len, default=b"")
            assert shown + kept == fed, "only what may become the key is kept back"
    shown += mask.flush()
    assert not any(each in shown for each in spellings)
    assert shown == KeyMask(key).whole(body), "pieces make no difference"
    if not any(each in body for each in spellings):
        assert shown == body


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_without_a_key_every_piece_passes_as_it_is(pieces: list[bytes]) -> None:
    mask = KeyMask(b"")
    assert [mask.feed(piece) for piece in pieces] == pieces
    assert mask.flush() == b""


ECHO = play.sse_event(json.dumps({"error": {"message": f"not allowed: Bearer {KEY}"}}))
MASKED = ECHO.replace(KEY.encode(), b"***")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (play.event_stream(EVENTS[0], ECHO, EVENTS[-1]), EVENTS[0] + MASKED + EVENTS[-1]),
        (play.respond(200, ECHO), MASKED),
        (play.respond(200, f'"{KEY}"'.encode() * 3), b'"***"' * 3),
        (play.respond(200, KEY[:-1].encode()), KEY[:-1].encode()),
    ],
    ids=["in a stream", "in a body", "again and again", "but for its last character"],
)
def test_a_key_echoed_in_an_answer_is_masked_however_it_is_split(
    run: Run, answer: Answer, expected: bytes
) -> None:
    async def test() -> None:
        async with talking(answer, play.every_byte(play.raw(answer))) as (_, provider):
            for _ in range(2):
                assert await body_of(await send(provider, stream=True)) == expected

    run(test)


def test_a_key_echoed_in_a_header_is_masked(run: Run) -> None:
    async def test() -> None:
        answer = play.respond(200, b"{}", x_request_id=f"for {KEY}", x_ratelimit_key=KEY)
        async with talking(answer) as (_, provider):
            headers = (await send(provider)).headers
            assert headers["x-request-id"] == "for ***"
            assert headers["x-ratelimit-key"] == "***"

    run(test)


def test_no_event_waits_for_the_next_one_because_a_key_could_follow(run: Run) -> None:
    events = [EVENTS[1], play.sse_event(KEY[:9]), ECHO]

    async def test() -> None:
        for event in events:
            async with talking(play.hang_mid_stream(event)) as (_, provider):
                reply = await send(provider, stream=True)
                said = await asyncio.wait_for(anext(reply.chunks), 60)
                assert said == event.replace(KEY.encode(), b"***")
                await reply.chunks.aclose()

    run(test)


def test_what_was_kept_back_is_given_before_a_break_is_reported(run: Run) -> None:
    async def test() -> None:
        async with talking(play.cut_mid_stream(b"data: sk-te")) as (_, provider):
            body, error = await received(await send(provider, stream=True))
            assert body == b"data: sk-te"
            assert type(error) is ProviderError

    run(test)


def test_the_credential_shows_nowhere(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def test() -> None:
        asyncio.get_running_loop().set_debug(True)
        shown: list[str] = []
        faults = [
            [play.cut],
            play.hang_before_head(),
            play.huge_head(100_000),
            play.garbage_protocol(),
            play.error_json(401, f"Incorrect API key provided: {KEY}"),
            play.respond(302, location=f"https://elsewhere.example/?key={KEY}"),
        ]
        async with talking(*faults, timeout_s=0.3) as (_, provider):
            shown += [repr(provider), str(provider)]
            for _ in faults:
                error = await failure(provider)
                cause: BaseException | None = error
                while cause is not None:
                    shown += [str(cause), repr(cause), repr(getattr(cause, "fields", None))]
                    cause = cause.__cause__ or cause.__context__
        assert len(shown) > 2 + 3 * len(faults)
        assert not [text for text in [*shown, caplog.text] if KEY in text]

    run(test)
