"""What a provider may send has bounds, and an end that many servers leave out is no fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import upstream as remote
from tests.far import compatible
from tests.stations.wiring import (
    DONE,
    STREAM,
    Script,
    Wired,
    chat,
    event,
    replies,
    said,
    usage,
    wired,
)
from tests.upstream import Upstream

from trimtab.dialects.llm.answer import MAX_TEXT_BYTES
from trimtab.errors import ProviderError
from trimtab.records import Usage

FAR = "far/m"
MIB = 1 << 20
STOP = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await work()

    asyncio.run(limited())


def pieces(size_bytes: int) -> list[bytes]:
    """So many bytes without an end of line, in pieces of up to a MiB."""
    whole, rest = divmod(size_bytes, MIB)
    return [b"x" * MIB] * whole + [b"x" * rest]


@pytest.mark.parametrize("status", [200, 500])
def test_a_whole_answer_over_64_mib_is_an_error_of_the_provider(
    tmp_path: Path, status: int
) -> None:
    far = Script()

    async def work() -> None:
        far.play(replies(*pieces(64 * MIB + 1), status=status))
        async with wired(tmp_path, providers=[far]) as room:
            with pytest.raises(ProviderError, match="more than 67,108,864 bytes"):
                await room.ask(chat(model=FAR))
            (span,) = await room.spans()
            assert room.gateway.in_flight == 0
        assert (span.status, span.output) == ("error", None)

    run(work)


def test_a_provider_that_sends_too_much_is_not_read_to_its_end(tmp_path: Path) -> None:
    far = Script()
    unread = AssertionError("read on after the limit")

    async def work() -> None:
        far.play(replies(*pieces(64 * MIB + 1), unread))
        far.play(replies(*pieces(16 * MIB + 1), unread, headers=STREAM))
        async with wired(tmp_path, providers=[far]) as room:
            for stream in (False, True):
                with pytest.raises(ProviderError):
                    await room.ask(chat(model=FAR, stream=stream))

    run(work)


@pytest.mark.parametrize("ended", [False, True], ids=["endless", "whole"])
def test_an_event_over_16_mib_ends_the_stream_with_an_error_after_what_came(
    tmp_path: Path, ended: bool
) -> None:
    far = Script()
    huge = b"data: " + b"x" * (16 * MIB) + (b"\n\n" if ended else b"")

    async def work() -> None:
        far.play(replies(said("Hel"), huge, DONE, headers=STREAM))
        async with wired(tmp_path, providers=[far]) as room:
            _, body = await room.ask(chat(model=FAR, stream=True))
            (span,) = await room.spans()
        assert body.startswith(said("Hel"))
        error = json.loads(body.removeprefix(said("Hel")).removeprefix(b"data: "))["error"]
        assert error["type"] == "upstream_error"
        assert "an event of more than 16,777,216 bytes" in error["message"]
        assert span.status == "error"
        assert span.output == [{"role": "assistant", "content": "Hel"}]

    run(work)


@pytest.mark.parametrize("size_bytes", [1, MIB, 15 * MIB])
def test_large_events_within_the_bound_are_forwarded_to_the_byte(
    tmp_path: Path, size_bytes: int
) -> None:
    far = Script()
    parts = [b"data: ", *pieces(size_bytes), b"\n\n", STOP, DONE]

    async def work() -> None:
        far.play(replies(*parts, headers=STREAM))
        async with wired(tmp_path, providers=[far]) as room:
            _, body = await room.ask(chat(model=FAR, stream=True))
        assert body == b"".join(parts)

    run(work)


def test_a_stream_of_more_text_than_is_kept_is_forwarded_whole(tmp_path: Path) -> None:
    far = Script()
    parts = [said("x" * MIB)] * 10 + [STOP, DONE]

    async def work() -> None:
        far.play(replies(*parts, headers=STREAM))
        async with wired(tmp_path, providers=[far]) as room:
            _, body = await room.ask(chat(model=FAR, stream=True))
            (span,) = await room.spans()
        assert body == b"".join(parts)
        assert span.status == "ok"
        assert len(span.output[0]["content"]) == MAX_TEXT_BYTES

    run(work)


@pytest.mark.parametrize(
    ("last", "counted"),
    [([], None), ([usage(3, 2)], Usage(input=3, output=2)), ([b": bye\n\n"], None)],
    ids=["nothing", "usage", "comment"],
)
def test_a_stream_that_said_why_it_ended_is_whole_without_done(
    tmp_path: Path, last: list[bytes], counted: Usage | None
) -> None:
    far = Script()
    parts = [said("Hello"), STOP, *last]

    async def work() -> None:
        far.play(replies(*parts, headers=STREAM))
        async with wired(tmp_path, providers=[far]) as room:
            options = {"include_usage": True}
            _, body = await room.ask(chat(model=FAR, stream=True, stream_options=options))
            (span,) = await room.spans()
        assert body == b"".join(parts)
        assert (span.status, span.error) == ("ok", None)
        assert span.output == [{"role": "assistant", "content": "Hello"}]
        assert span.attributes["gen_ai.response.finish_reasons"] == ["stop"]
        assert counted is None or span.usage == counted

    run(work)


def test_a_stream_that_breaks_after_its_reason_is_still_broken(tmp_path: Path) -> None:
    far = Script()

    async def work() -> None:
        far.play(replies(said("Hello"), STOP, ProviderError("it broke"), headers=STREAM))
        far.play(replies(said("Hello"), STOP, event(error={"message": "no"}), headers=STREAM))
        async with wired(tmp_path, providers=[far]) as room:
            _, broken = await room.ask(chat(model=FAR, stream=True))
            await room.ask(chat(model=FAR, stream=True))
            spans = await room.spans()
        assert b'"error"' in broken
        assert [span.status for span in spans] == ["error", "error"]

    run(work)


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_a_provider_echoes_with_200_is_neither_forwarded_nor_recorded(
    tmp_path: Path, stream: bool
) -> None:
    key = "sk-upstream-secret-1234567890"
    error = {"error": {"message": f"refused: Bearer {key}"}}
    whole = remote.respond(200, msgspec.json.encode(error))
    answer = remote.event_stream(said(f"Your key is {key}"), event(**error)) if stream else whole

    async def work() -> None:
        async with Upstream() as upstream:
            upstream.play(answer, remote.every_byte(remote.raw(answer)))
            far = compatible(upstream.base_url, api_key=key)
            async with wired(tmp_path, providers=[far]) as room:
                for _ in range(2):
                    said = await _told(room, stream=stream)
                    assert "refused: Bearer ***" in said
                    assert key not in said
                spans = await room.spans()
        assert all("refused: Bearer ***" in str(span.error) for span in spans)
        assert key.encode() not in msgspec.json.encode(spans)

    run(work)


async def _told(room: Wired, *, stream: bool) -> str:
    """What the caller is told, in an answer or as an error."""
    try:
        _, body = await room.ask(chat(model=FAR, stream=stream))
    except ProviderError as error:
        return str(error)
    return body.decode()
