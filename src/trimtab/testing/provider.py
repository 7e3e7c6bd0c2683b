"""What every provider does, as tests: subclass and provide the fixtures `provider` and `model`.

    class TestMyProvider(ProviderContract):
        @pytest.fixture
        def provider(self):
            return MyProvider()

        @pytest.fixture
        def model(self):
            return "my-model"

`provider` is not connected yet; each test uses it in one event loop and closes it. `model` is the
name it knows the model by, without its own. A provider that speaks to a server needs one that
answers `QUESTION` in more than one chunk, the same each time, and refuses bad requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pytest

from trimtab.dialects.llm.answer import Fold
from trimtab.dialects.llm.openai_chat import OPENAI_CHAT
from trimtab.kit import jsonx, sse
from trimtab.ports import Call, Provider, Reply
from trimtab.records import Price

T = TypeVar("T")

QUESTION = "What is the port of the server?"
FINISHED = ("stop", "length", "tool_calls", "content_filter")


def with_provider(provider: Provider, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, run in an event loop of its own that closes the provider."""

    async def scenario() -> T:
        try:
            return await work()
        finally:
            await provider.aclose()

    return asyncio.run(scenario())


def call(model: str, *, stream: bool = False, **fields: Any) -> Call:
    """A request with one user message; `fields` are added to it or replace its own."""
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], **fields}
    if stream:
        body["stream"] = True
    return Call(model=model, body=jsonx.encode(body), stream=stream, timeout_s=30.0)


async def read(reply: Reply) -> bytes:
    """The whole body."""
    return b"".join([chunk async for chunk in reply.chunks])


async def close(reply: Reply) -> None:
    """Close a reply that is not read to the end, as the port asks for."""
    await reply.chunks.aclose()  # type: ignore[attr-defined]  # AsyncIterator does not declare it


def folded(body: bytes, *, stream: bool) -> Fold:
    """The answer as the gateway reads it."""
    fold, reader = Fold(), OPENAI_CHAT.reader()
    if stream:
        decoder = sse.Decoder()
        for event in decoder.feed(body):
            fold.take(reader.event(event))
        assert decoder.rest == b"", "the stream ends in the middle of an event"
        fold.take(reader.end())
    else:
        fold.take(reader.body(body))
    return fold


class ProviderContract:
    """Everything `ports.Provider` promises, in the dialect of OpenAI's chat completions."""

    def test_its_name_is_the_first_part_of_every_model_id(self, provider: Provider) -> None:
        assert provider.name
        assert "/" not in provider.name
        for card in provider.cards():
            assert card.id.startswith(f"{provider.name}/")
            assert card.provider == provider.name

    def test_it_says_which_dialects_it_takes(self, provider: Provider, model: str) -> None:
        spoken = list(provider.speaks(model))
        assert "openai.chat" in spoken
        assert len(spoken) == len(set(spoken))
        assert all(spoken)

    def test_it_refuses_no_parameter_that_was_not_given(
        self, provider: Provider, model: str
    ) -> None:
        refuses = getattr(provider, "refuses", None)
        if refuses is not None:
            assert dict(refuses(model, {})) == {}
            assert refuses(model, {"temperature": 0.5}).keys() <= {"temperature"}

    def test_prices_of_cards_are_decimals(self, provider: Provider) -> None:
        for card in provider.cards():
            for bucket in Price.__struct_fields__ if card.price else ():
                assert isinstance(getattr(card.price, bucket), Decimal | None)

    def test_an_answer_has_text_an_end_and_its_usage(self, provider: Provider, model: str) -> None:
        async def ask() -> tuple[Reply, bytes]:
            reply = await provider.send(call(model))
            return reply, await read(reply)

        reply, body = with_provider(provider, ask)
        fold = folded(body, stream=False)
        assert reply.status == 200
        assert _header(reply, "content-type").startswith("application/json")
        assert fold.complete
        assert fold.text
        assert fold.finish_reason in FINISHED
        assert fold.usage is not None
        assert fold.usage.total_input > 0
        assert fold.usage.total_output > 0

    def test_a_stream_has_the_same_text_in_many_events_and_ends_with_done(
        self, provider: Provider, model: str
    ) -> None:
        async def ask() -> tuple[Reply, bytes, bytes]:
            streamed = await provider.send(call(model, stream=True))
            whole = await provider.send(call(model))
            return streamed, await read(streamed), await read(whole)

        reply, stream, whole = with_provider(provider, ask)
        fold = folded(stream, stream=True)
        assert reply.status == 200
        assert _header(reply, "content-type").startswith("text/event-stream")
        assert fold.complete
        assert stream.endswith(b"data: [DONE]\n\n")
        assert stream.count(b"data: ") > 3
        assert fold.text == folded(whole, stream=False).text
        assert fold.finish_reason in FINISHED

    def test_a_stream_carries_its_usage_when_the_caller_asks(
        self, provider: Provider, model: str
    ) -> None:
        async def ask() -> tuple[bytes, bytes]:
            options = {"include_usage": True}
            streamed = await provider.send(call(model, stream=True, stream_options=options))
            whole = await provider.send(call(model))
            return await read(streamed), await read(whole)

        stream, whole = with_provider(provider, ask)
        assert folded(stream, stream=True).usage == folded(whole, stream=False).usage

    def test_a_stream_may_be_closed_early_and_the_next_call_is_answered(
        self, provider: Provider, model: str
    ) -> None:
        async def ask() -> bytes:
            for _ in range(20):
                reply = await provider.send(call(model, stream=True))
                await anext(reply.chunks)
                await close(reply)
                await close(reply)
            return await read(await provider.send(call(model)))

        assert folded(with_provider(provider, ask), stream=False).complete

    def test_a_reply_that_is_never_read_may_be_closed(self, provider: Provider, model: str) -> None:
        async def ask() -> bytes:
            for _ in range(20):
                await close(await provider.send(call(model, stream=True)))
            return await read(await provider.send(call(model)))

        assert folded(with_provider(provider, ask), stream=False).complete

    def test_many_calls_at_once_are_all_answered(self, provider: Provider, model: str) -> None:
        async def one(number: int) -> tuple[bool, bytes]:
            stream = number % 2 == 0
            return stream, await read(await provider.send(call(model, stream=stream)))

        async def ask() -> list[tuple[bool, bytes]]:
            return await asyncio.gather(*map(one, range(32)))

        for stream, body in with_provider(provider, ask):
            assert folded(body, stream=stream).complete

    def test_a_call_that_is_cancelled_harms_no_other(self, provider: Provider, model: str) -> None:
        async def ask() -> bytes:
            doomed = asyncio.create_task(provider.send(call(model)))
            await asyncio.sleep(0)
            doomed.cancel()
            with suppress(asyncio.CancelledError):
                await close(await doomed)
            return await read(await provider.send(call(model)))

        assert folded(with_provider(provider, ask), stream=False).complete

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_bad_request_is_a_reply_with_an_error_and_not_an_exception(
        self, provider: Provider, model: str, stream: bool
    ) -> None:
        async def ask() -> tuple[int, bytes]:
            reply = await provider.send(call(model, stream=stream, messages="not a list"))
            return reply.status, await read(reply)

        status, body = with_provider(provider, ask)
        assert 400 <= status < 500
        assert msgspec.json.decode(body)["error"]["message"]

    def test_closing_twice_is_harmless(self, provider: Provider, model: str) -> None:
        async def ask() -> bytes:
            body = await read(await provider.send(call(model)))
            await provider.aclose()
            return body

        assert with_provider(provider, ask)


def _header(reply: Reply, name: str) -> str:
    """A header by its lower-case name, however the provider writes it."""
    return {key.lower(): value for key, value in reply.headers.items()}.get(name, "")
