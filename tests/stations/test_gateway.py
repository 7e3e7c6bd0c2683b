"""The gateway: every call is answered or refused, recorded once, and gives its place back."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests import upstream as remote
from tests.stations.wiring import (
    CALLER,
    DONE,
    JSON,
    QUESTION,
    RETRIEVAL,
    STREAM,
    Script,
    Wired,
    chat,
    deployment,
    embedded,
    event,
    fails,
    replies,
    said,
    usage,
    whole,
    wired,
)
from tests.upstream import Upstream

from trimtab.errors import (
    InvalidRequest,
    NotDurable,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    TrimtabError,
)
from trimtab.gateway.exchange import Chunks
from trimtab.gateway.gateway import Limits
from trimtab.gateway.journal import Journal
from trimtab.gateway.task import ReleaseTask
from trimtab.gateway.trace import Caller
from trimtab.kit import sse
from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import Grant, Reply
from trimtab.providers.openai_compatible import OpenAICompatible
from trimtab.records import Example, Message, ModelCard, Price, Span
from trimtab.stores.limits.memory import MemoryLimiter

FAR = "far/m"
HELLO = [said("Hel"), said("lo"), usage(3, 2), DONE]


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await work()

    asyncio.run(limited())


def events(body: bytes) -> list[Any]:
    """The data of all events of a body, decoded; [DONE] stays text."""
    decoder = sse.Decoder()
    found = [event.data for event in decoder.feed(body) if event.data is not None]
    assert decoder.rest == b""
    return [data if data == "[DONE]" else json.loads(data) for data in found]


async def only_span(room: Wired) -> Span:
    (span,) = await room.spans()
    return span


# -- what is sent ------------------------------------------------------------------------------


class TestWhatIsSent:
    def test_a_release_wins_over_the_caller_and_a_null_takes_a_field_away(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        parameters = {"temperature": 0, "top_p": None, "seed": 7, "self": "odd"}
        live = deployment(far, "m", parameters=parameters)

        async def work() -> None:
            far.play(replies(whole("x")))
            async with wired(tmp_path, providers=[far], deployments=[live]) as room:
                await room.ask(chat(model="widgets", temperature=2, top_p=0.1, n=1))
            sent = {key: value for key, value in far.asked.items() if key != "messages"}
            assert sent == {"model": "m", "temperature": 0, "seed": 7, "self": "odd", "n": 1}

        run(work)

    def test_the_prompt_comes_first_and_all_messages_of_the_caller_follow_to_the_byte(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        tool_calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]
        prompt = (
            Message(role="system", content="About {{ question }}", name="guide"),
            Message(role="assistant", tool_calls=tool_calls),
            Message(role="tool", content="7", tool_call_id="c"),
        )
        live = deployment(far, "m", messages=prompt)
        mine = (
            rb'{"role":"system", "content":"Be \u0062rief."}',
            rb'{"role":"user","content":[{"type":"text","text":"Hi","n":1.10,"m":'
            + b"9" * 30
            + b"}]}",
        )
        body = b'{"model": "widgets", "messages": [' + b", ".join(mine) + b"]}"

        async def work() -> None:
            far.play(replies(whole("x")))
            async with wired(tmp_path, providers=[far], deployments=[live]) as room:
                await room.ask(body)
                root, model = await room.spans()
            opening = [
                {"role": "system", "content": "About Hi", "name": "guide"},
                {"role": "assistant", "content": None, "tool_calls": tool_calls},
                {"role": "tool", "content": "7", "tool_call_id": "c"},
            ]
            asked = [json.loads(message) for message in mine]
            assert far.asked["messages"] == opening + asked
            assert b",".join(mine) + b"]" in far.calls[0].body
            assert (root.kind, root.input) == ("chain", asked)
            assert (model.kind, model.input) == ("llm", opening + asked)

        run(work)

    @pytest.mark.parametrize(
        ("options", "sent"),
        [
            (None, {"include_usage": True}),
            ({}, {"include_usage": True}),
            ({"include_usage": False, "chunk_size": 7}, {"include_usage": True, "chunk_size": 7}),
            ({"include_usage": True, "chunk_size": 7}, {"include_usage": True, "chunk_size": 7}),
        ],
    )
    def test_usage_is_asked_for_and_other_stream_options_are_kept(
        self, tmp_path: Path, options: Any, sent: dict[str, Any]
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(*HELLO, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR, stream=True, stream_options=options))
            assert far.asked["stream_options"] == sent
            assert far.calls[0].stream

        run(work)

    def test_a_request_without_a_release_is_sent_as_it_came_but_for_the_model(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        rest = b'"messages": [ {"role":"user","content":"x"} ], "top_p": 1e400, "n": 1.0}'

        async def work() -> None:
            far.play(replies(whole("x")))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(b'{"model": "far/m", ' + rest)
            body = far.calls[0].body
            assert body.startswith(b'{"model":"m",')
            for piece in (b'[ {"role":"user","content":"x"} ]', b'"top_p":1e400', b'"n":1.0'):
                assert piece in body

        run(work)

    def test_a_prompt_that_fails_on_a_question_is_a_refusal_on_record(self, tmp_path: Path) -> None:
        far = Script()
        broken = (Message(role="system", content="{{ 1 / (question | length - 2) }}"),)
        live = deployment(far, "m", messages=broken)

        async def work() -> None:
            async with wired(tmp_path, providers=[far], deployments=[live]) as room:
                with pytest.raises(InvalidRequest, match="division by zero"):
                    await room.ask(
                        chat(model="widgets", messages=[{"role": "user", "content": "Hi"}])
                    )
                assert room.gateway.in_flight == 0
                spans = await room.spans()
            assert [span.status for span in spans] == ["error", "error"]
            assert far.calls == []

        run(work)


# -- what comes back ---------------------------------------------------------------------------


class TestWhatComesBack:
    def test_a_stream_is_forwarded_to_the_byte_but_for_usage_nobody_asked_for(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        azure = event(choices=[], prompt_filter_results=[{"usage": "x"}])
        parts = [b": keep-alive\n\n", azure, said("Hel"), said('"usage"'), usage(3, 2), DONE]

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                for options, expected in [
                    (None, parts[:4] + parts[5:]),
                    ({"include_usage": True}, parts),
                ]:
                    joined = b"".join(parts).replace(b"\n\n", b"\r\n\r\n")
                    bytewise = [joined[i : i + 1] for i in range(len(joined))]
                    far.play(replies(*bytewise, headers=STREAM))
                    _, body = await room.ask(chat(model=FAR, stream=True, stream_options=options))
                    assert events(body) == events(b"".join(expected))
                    if options:
                        assert body.rstrip() == joined.rstrip()
                for span in await room.spans():
                    assert span.usage is not None
                    assert (span.usage.input, span.usage.output) == (3, 2)
                    assert not span.usage.estimated

        run(work)

    def test_usage_that_comes_with_a_choice_stays_where_it_is(self, tmp_path: Path) -> None:
        far = Script()
        last = event(
            choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}],
            usage={"prompt_tokens": 9, "completion_tokens": 1},
        )

        async def work() -> None:
            far.play(replies(said("a"), last, DONE, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                span = await only_span(room)
            assert body == said("a") + last + DONE
            assert span.usage is not None
            assert span.usage.input == 9

        run(work)

    def test_a_provider_may_answer_a_stream_request_with_json(self, tmp_path: Path) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(whole("all at once", usage={"prompt_tokens": 3})))
            async with wired(tmp_path, providers=[far]) as room:
                answer, body = await room.ask(chat(model=FAR, stream=True))
                span = await only_span(room)
            assert answer.headers["content-type"] == "application/json"
            assert body == whole("all at once", usage={"prompt_tokens": 3})
            assert span.output == [{"role": "assistant", "content": "all at once"}]
            assert span.status == "ok"

        run(work)

    def test_a_provider_may_stream_although_nobody_asked(self, tmp_path: Path) -> None:
        far = Script()
        headers = {"content-type": "Text/Event-Stream; charset=utf-8"}

        async def work() -> None:
            far.play(replies(*HELLO, headers=headers))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR))
                span = await only_span(room)
            assert body.endswith(DONE)
            assert span.output == [{"role": "assistant", "content": "Hello"}]

        run(work)

    def test_an_answer_that_ends_twice_is_recorded_once(self, tmp_path: Path) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(*HELLO, DONE, said("more"), DONE, headers=STREAM))
            async with wired(tmp_path, providers=[far], deployments=[deployment(far, "m")]) as room:
                answer, body = await room.ask(chat(model="widgets", stream=True))
                spans = await room.spans()
            assert [span.kind for span in spans] == ["chain", "llm"]
            assert len(answer.spans) == 2
            assert body.count(DONE) == 3

        run(work)

    def test_an_event_that_cannot_be_read_is_forwarded_and_harms_nothing(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        strange = [b'data: {"usage":' + b"[" * 100_000 + b"\n\n", b"data: 1e400\n\n", b"data\n\n"]

        async def work() -> None:
            far.play(replies(said("Hel"), *strange, said("lo"), DONE, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                span = await only_span(room)
            assert body == said("Hel") + b"".join(strange) + said("lo") + DONE
            assert span.output == [{"role": "assistant", "content": "Hello"}]

        run(work)

    def test_counts_of_tokens_that_no_call_can_have_are_not_believed(self, tmp_path: Path) -> None:
        far = Script(cards=[ModelCard(id=FAR, provider="far", price=Price(input=Decimal(1)))])
        absurd = {"prompt_tokens": 10**30, "completion_tokens": -5}

        async def work() -> None:
            far.play(replies(whole("x", usage=absurd)))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR))
                span = await only_span(room)
            assert span.usage is not None
            assert (span.usage.input, span.usage.output) == (0, 0)
            assert span.cost_usd == 0

        run(work)

    def test_a_refusal_that_is_not_json_becomes_json_and_says_that_it_is(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        page = {"content-type": "text/html", "retry-after": "7"}

        async def work() -> None:
            far.play(replies(b"<html>", status=503, headers=page))
            async with wired(tmp_path, providers=[far]) as room:
                answer, body = await room.ask(chat(model=FAR))
            assert answer.status == 503
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["retry-after"] == "7"
            assert json.loads(body)["error"]["type"] == "upstream_error"

        run(work)

    def test_a_refusal_in_json_comes_through_as_it_was(self, tmp_path: Path) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(b'{"error": 1.10}', status=422, headers={"content-type": "Text/JSON"}))
            async with wired(tmp_path, providers=[far]) as room:
                answer, body = await room.ask(chat(model=FAR))
                span = await only_span(room)
            assert (answer.status, body) == (422, b'{"error": 1.10}')
            assert answer.headers["content-type"] == "Text/JSON"
            assert (span.status, span.output, span.usage) == ("error", None, None)
            assert span.error is not None
            assert span.error.startswith("HTTP 422")

        run(work)

    def test_awkward_characters_reach_the_record_unharmed(self, tmp_path: Path) -> None:
        far = Script()
        text = "a\x00b \u2028 😀 \\ud83d '\""

        async def work() -> None:
            far.play(replies(whole(text)))
            async with wired(tmp_path, providers=[far]) as room:
                await room.ask(chat(model=FAR, messages=[{"role": "user", "content": text}]))
                span = await only_span(room)
            assert span.input == [{"role": "user", "content": text}]
            assert span.output == [{"role": "assistant", "content": text}]

        run(work)


# -- what goes wrong ---------------------------------------------------------------------------


BUG = ValueError("a bug in the adapter")


class TestWhatGoesWrong:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        "act",
        [fails(BUG), replies(BUG), replies(BUG, headers=STREAM)],
        ids=["at once", "in the body", "in the stream"],
    )
    def test_an_error_nobody_foresaw_is_raised_and_recorded_as_an_error(
        self, tmp_path: Path, act: Callable[[], Awaitable[Reply]], stream: bool
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(act)
            async with wired(tmp_path, providers=[far]) as room:
                with pytest.raises(ValueError, match="a bug in the adapter"):
                    await room.start(chat(model=FAR, stream=stream))
                assert room.gateway.in_flight == 0
                span = await only_span(room)
            assert span.status == "error"
            assert span.error is not None
            assert "a bug in the adapter" in span.error

        run(work)

    @pytest.mark.parametrize("error", [BUG, ProviderError("it broke"), ProviderTimeout("silence")])
    def test_an_error_in_the_middle_of_a_stream_ends_it_with_an_error_event(
        self, tmp_path: Path, error: Exception
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(said("Hel"), error, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                assert room.gateway.in_flight == 0
                span = await only_span(room)
            first, last = events(body)
            assert first["choices"][0]["delta"]["content"] == "Hel"
            assert last["error"]["type"] == "upstream_error"
            assert "a bug" not in last["error"]["message"], "what is inside stays inside"
            assert (span.status, span.output) == (
                "error",
                [{"role": "assistant", "content": "Hel"}],
            )
            assert span.error is not None
            assert str(error) in span.error

        run(work)

    @pytest.mark.parametrize(
        "parts", [[], [b": ping\n\n"], [b"data: {}"]], ids=["no", "ping", "cut"]
    )
    def test_a_stream_without_an_end_is_an_error_of_the_provider(
        self, tmp_path: Path, parts: list[bytes]
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(*parts, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                if b": ping\n\n" in parts:
                    _, body = await room.ask(chat(model=FAR, stream=True))
                    assert "before it was complete" in events(body)[0]["error"]["message"]
                else:
                    with pytest.raises(ProviderError, match="before it was complete"):
                        await room.ask(chat(model=FAR, stream=True))
                assert room.gateway.in_flight == 0
                assert (await only_span(room)).status == "error"

        run(work)

    def test_a_call_that_cannot_be_recorded_is_not_answered(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with wired(tmp_path, spool_bytes=10) as room:
                with pytest.raises(NotDurable):
                    await room.ask(chat())
                assert room.gateway.in_flight == 0

        run(work)

    def test_a_stream_that_cannot_be_recorded_ends_with_an_error_and_never_with_done(
        self, tmp_path: Path
    ) -> None:
        async def work() -> None:
            async with wired(tmp_path, spool_bytes=10) as room:
                _, body = await room.ask(chat(stream=True))
                assert room.gateway.in_flight == 0
            *rest, last = events(body)
            assert rest, "what could be forwarded was"
            assert last["error"]["code"] == "not_durable"
            assert "[DONE]" not in rest

        run(work)

    def test_a_broken_stream_that_cannot_be_recorded_still_ends_in_order(
        self, tmp_path: Path
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(said("Hel"), ProviderError("it broke"), headers=STREAM))
            far.play(fails(ProviderUnavailable("it is down")))
            async with wired(tmp_path, providers=[far], spool_bytes=10) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                assert events(body)[-1]["error"]["code"] == "not_durable"
                with pytest.raises(NotDurable):
                    await room.ask(chat(model=FAR))
                assert room.gateway.in_flight == 0

        run(work)

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_provider_that_does_not_start_to_answer_times_out(
        self, tmp_path: Path, stream: bool
    ) -> None:
        far = Script()

        async def never() -> Reply:
            await asyncio.Event().wait()
            raise AssertionError

        async def work() -> None:
            far.play(never)
            limits = Limits(timeout_s=0.01)
            async with wired(tmp_path, providers=[far], limits=limits) as room:
                with pytest.raises(ProviderTimeout, match=r"did not start to answer in 0\.01 s"):
                    await room.ask(chat(model=FAR, stream=stream))
                assert (await only_span(room)).attributes["error.code"] == "provider_timeout"

        run(work)

    def test_a_caller_that_leaves_while_the_model_thinks_is_on_record(self, tmp_path: Path) -> None:
        far = Script()
        asked = asyncio.Event()

        async def never() -> Reply:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        async def work() -> None:
            far.play(never)
            async with wired(tmp_path, providers=[far]) as room:
                task = asyncio.create_task(room.ask(chat(model=FAR)))
                await asked.wait()
                assert room.gateway.in_flight == 1
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert room.gateway.in_flight == 0
                span = await only_span(room)
            assert span.status == "cancelled"
            assert span.error == "the caller went away before the end of the answer"

        run(work)

    def test_an_answer_closed_before_it_was_read_stops_the_provider(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with Upstream() as upstream:
                far = OpenAICompatible(
                    "far",
                    base_url=upstream.base_url,
                    api_key=None,
                    models=[],
                    timeout_s=20,
                    client=HTTP1Client(),
                )
                upstream.play(remote.hang_mid_stream(said("Hel")))
                async with wired(tmp_path, providers=[far]) as room:
                    answer = await room.start(chat(model=FAR, stream=True))
                    assert (answer.spans, room.gateway.in_flight) == ([], 1)
                    await answer.chunks.aclose()
                    await upstream.client_gone.wait()
                    assert room.gateway.in_flight == 0
                    await answer.chunks.aclose()
                    assert room.gateway.in_flight == 0, "closing twice gives one place back"
                    span = await only_span(room)
            assert (span.status, span.output) == (
                "cancelled",
                [{"role": "assistant", "content": "Hel"}],
            )

        run(work)

    def test_chunks_that_were_never_started_close_what_is_behind_them(self) -> None:
        left: list[str] = []

        class Rest:
            def __aiter__(self) -> Rest:
                return self

            async def __anext__(self) -> bytes:
                raise AssertionError("nobody reads")

            async def aclose(self) -> None:
                left.append("provider stopped")
                raise ConnectionError

        async def work() -> None:
            chunks = Chunks(b"first", Rest(), lambda: left.append("place given back"))
            with pytest.raises(ConnectionError):
                await chunks.aclose()
            await chunks.aclose()

        run(work)
        assert left == ["provider stopped", "place given back"]

    def test_a_late_record_that_is_lost_is_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken:
            async def record(self, spans: Sequence[Span]) -> None:
                raise OverflowError("too large to write")

        async def work() -> None:
            journal = Journal(Broken())
            journal.write_late([Span(trace_id="t1", span_id="s", name="n", start_ns=1, end_ns=2)])
            await journal.settle()

        run(work)
        assert "t1 is lost: too large to write" in caplog.text


# -- limits ------------------------------------------------------------------------------------


class Slow(MemoryLimiter):
    """A limiter that is asked over a network, so that others get their turn meanwhile."""

    async def take(self, key: str, *, cost: float, capacity: float, rate_per_s: float) -> Grant:
        await asyncio.sleep(0)
        return await super().take(key, cost=cost, capacity=capacity, rate_per_s=rate_per_s)


class TestLimits:
    def test_no_more_requests_are_in_flight_than_the_limit_however_they_arrive(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        let_go = asyncio.Event()
        now = most = 0

        async def held() -> Reply:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await let_go.wait()
            now -= 1
            return await replies(whole("x"))()

        async def work() -> None:
            far.play(*[held] * 20)
            limits = Limits(concurrency=3, requests_per_minute=1000)
            async with wired(tmp_path, providers=[far], limits=limits, limiter=Slow()) as room:
                asked = [asyncio.create_task(room.ask(chat(model=FAR))) for _ in range(20)]
                refused = 0
                waiting = set(asked)
                while refused < 17:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    refused += len(done)
                let_go.set()
                results = await asyncio.gather(*asked, return_exceptions=True)
                assert most == 3
                assert sum(isinstance(result, Overloaded) for result in results) == 17
                assert room.gateway.in_flight == 0

        run(work)

    def test_a_principal_over_its_rate_is_told_when_to_come_back(self, tmp_path: Path) -> None:
        async def work() -> None:
            limits = Limits(requests_per_minute=2)
            async with wired(tmp_path, limits=limits) as room:
                for _ in range(2):
                    await room.ask(chat())
                with pytest.raises(RateLimited) as caught:
                    await room.ask(chat())
                assert 0 < caught.value.fields["retry_after_s"] <= 30
                await room.ask(chat(), Caller(principal="another", project="default"))
                assert room.gateway.in_flight == 0
                assert len(await room.spans()) == 3, "a refusal is not a call"

        run(work)


# -- all together ------------------------------------------------------------------------------

CARDS = [
    ModelCard(id=FAR, provider="far", price=Price(input=Decimal("2.5"), output=Decimal("10.01"))),
    ModelCard(id="far/unpriced", provider="far"),
]
Act = Callable[[], Awaitable[Reply]]


def outcomes(rng: random.Random) -> Act:
    """One of all the ways in which a provider answers."""
    counts = {"prompt_tokens": rng.randrange(10**4), "completion_tokens": rng.randrange(10**4)}
    choices: list[Act] = [
        replies(whole("fine", usage=counts)),
        replies(said("fi"), said("ne"), usage(*counts.values()), DONE, headers=STREAM),
        replies(said("no usage"), DONE, headers=STREAM),
        replies(said("cut"), headers=STREAM),
        replies(said("broken"), ProviderError("broken"), headers=STREAM),
        replies(said("bug"), BUG, headers=STREAM),
        replies(b"not json"),
        replies(b"<html>", status=500, headers={"content-type": "text/html"}),
        replies(b'{"error": {}}', status=429, headers=JSON),
        replies(BUG),
        fails(BUG),
        fails(ProviderUnavailable("down")),
        fails(ProviderTimeout("late")),
    ]
    return rng.choice(choices)


async def one_call(room: Wired, far: Script, rng: random.Random) -> bool:
    """Ask once and leave at some point; whether the call was admitted."""
    body = chat(
        model=rng.choice([FAR, "far/unpriced", "trimtab/extract", "widgets", "nobody"]),
        stream=rng.random() < 0.5,
    )
    try:
        answer = await room.start(body)
    except (TrimtabError, ValueError) as error:
        return not isinstance(error, NotFound)
    chunks = rng.randrange(4)
    try:
        async for _ in answer.chunks:
            if chunks == 0:
                break
            chunks -= 1
    finally:
        await answer.chunks.aclose()
    return True


@pytest.mark.parametrize("seed", range(3))
def test_after_any_mix_of_calls_nothing_is_in_flight_and_the_sums_agree(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    far = Script(cards=CARDS)

    async def work() -> None:
        far.play(*[outcomes(rng) for _ in range(200)])
        live = deployment(far, "m")
        async with wired(tmp_path, providers=[far], deployments=[live]) as room:
            calls = [one_call(room, far, rng) for _ in range(60)]
            admitted = sum(await asyncio.gather(*calls))
            assert room.gateway.in_flight == 0
            spans = await room.spans()
            overview = room.telemetry.overview("default", since_ns=0, until_ns=2**62)
        models = [span for span in spans if span.kind == "llm"]
        assert len({span.trace_id for span in spans}) == len(models) == admitted
        assert all(span.cost_usd is None for span in spans if span.kind != "llm")
        costs = [span.cost_usd for span in models if span.cost_usd is not None]
        assert overview.cost_usd == sum(costs) > 0
        assert (overview.calls, overview.traces) == (admitted, admitted)
        assert overview.errors == sum(span.status == "error" for span in models)
        assert overview.input_tokens == sum(s.usage.total_input for s in models if s.usage)

    run(work)


# -- a release as a task -----------------------------------------------------------------------


class TestReleaseTask:
    def test_a_response_brings_what_scorers_need_and_leads_to_its_record(
        self, tmp_path: Path
    ) -> None:
        local = embedded()
        live = deployment(local, "extract", retrieval=RETRIEVAL, parameters={"abstain_below": 0.0})
        caller = Caller(principal="tester", project="default", run="run-1")

        async def work() -> None:
            async with wired(tmp_path, deployments=[live]) as room:
                task = ReleaseTask(room.gateway, model="widgets@1", caller=caller)
                response = await task(Example(example_id="e", input=QUESTION))
                spans = await room.spans()
            assert "7711" in response.output
            assert len(response.passages) == 2
            assert response.context == tuple(passage.text for passage in response.passages)
            assert response.cost_usd == 0
            root = next(span for span in spans if span.parent_id is None)
            assert (root.trace_id, root.span_id) == (response.trace_id, response.span_id)
            assert response.latency_ms == root.duration_ms
            assert {span.run for span in spans} == {"run-1"}

        run(work)

    @pytest.mark.parametrize(
        ("act", "error"),
        [
            (replies(b'{"error": {}}', status=500), "HTTP 500"),
            (replies(b"not json"), "not JSON"),
            (fails(ProviderUnavailable("it is down")), "it is down"),
        ],
    )
    def test_a_failed_call_is_a_response_with_the_error(
        self, tmp_path: Path, act: Act, error: str
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(act)
            async with wired(tmp_path, providers=[far]) as room:
                task = ReleaseTask(room.gateway, model=FAR, caller=CALLER)
                response = await task(Example(example_id="e", input="x"))
            assert response.output is None
            assert response.error is not None
            assert error in response.error
            assert room.gateway.in_flight == 0

        run(work)
