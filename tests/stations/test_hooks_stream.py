"""Guards before a stream: what is held back, for how long, and that chunks make no difference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.dialects.llm_answers import ANSWERS
from tests.stations.canary import (
    ASKED_IN,
    HIDDEN,
    MARKER,
    Canary,
    Speaker,
    answer,
    pieces,
    read,
    reasoning_of,
    request,
    text_of,
    wire,
)
from tests.stations.test_hooks import FILTERED, HIDES, SAYS, asked
from tests.stations.wiring import CALLER, JSON, STREAM, in_loop, wired

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Finished, Other, Part, Reasoning, Text, ToolCall
from trimtab.errors import ProviderError
from trimtab.gateway import holding
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.hooks import Hooks
from trimtab.kit.clock import SystemClock
from trimtab.ports import Call, Reply
from trimtab.records import ModelTarget, Route
from trimtab.records.route import CacheSettings

OTHERS = {"openai.chat": "anthropic.messages", "anthropic.messages": "openai.chat"}
NATIVE_AND_NOT = [
    *((dialect, dialect) for dialect in ASKED_IN),
    *((dialect, OTHERS.get(dialect, "openai.chat")) for dialect in ASKED_IN),
]


class TestChunks:
    @pytest.mark.parametrize(("asked_in", "spoken"), NATIVE_AND_NOT)
    def test_a_marker_split_anywhere_over_events_and_bytes_is_found(
        self, tmp_path: Path, asked_in: str, spoken: str
    ) -> None:
        """Events of 1 to 12 characters, in chunks of 1 byte up to all at once."""
        far = Speaker(spoken)

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                for size in range(1, 13):
                    for cut in (1, 7, None):
                        far.parts, far.cut = answer(*pieces(SAYS, size)), cut
                        body = await asked(room, asked_in, request(asked_in, "x", stream=True))
                        assert text_of(read(asked_in, body, stream=True)) == HIDES
                        assert MARKER.encode() not in body

        in_loop(work)

    @pytest.mark.parametrize(("asked_in", "spoken"), NATIVE_AND_NOT)
    def test_nothing_of_a_marker_goes_out_before_a_block(
        self, tmp_path: Path, asked_in: str, spoken: str
    ) -> None:
        far = Speaker(spoken)
        guard = Canary("block", stage="output")

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                for size in range(1, 13):
                    for before in ("", "fine. ", "a good deal of text that is perfectly fine. "):
                        far.parts = answer(*pieces(f"{before}{MARKER} more", size))
                        body = await asked(room, asked_in, request(asked_in, "x", stream=True))
                        parts = read(asked_in, body, stream=True)
                        said = text_of(parts).replace("not this", "")
                        assert before.startswith(said)
                        ends = [part.reason for part in parts if isinstance(part, Finished)]
                        assert len(ends) == 1
                        assert ends[0] in FILTERED

        in_loop(work)

    @pytest.mark.parametrize("name", ANSWERS)
    def test_what_real_providers_send_passes_byte_for_byte(self, tmp_path: Path, name: str) -> None:
        said = ANSWERS[name]
        far = Speaker(said.dialect)
        whole = json.dumps(said.whole).encode()

        async def work() -> None:
            hooks = Hooks([Canary(), Canary("block", window_chars=None, name="other")])
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                for raw, stream in (([whole], False), ([said.streamed], True)):
                    far.raw = raw
                    usage = {"stream_options": {"include_usage": True}} if stream else {}
                    asks = request(said.dialect, "x", stream=stream, **usage)
                    assert await asked(room, said.dialect, asks) == raw[0]

        in_loop(work)

    def test_choices_and_parallel_calls_are_told_apart(self, tmp_path: Path) -> None:
        half, rest = MARKER[:5], MARKER[5:]
        parts: list[Part] = [
            Text(half, 0),
            Text("x" + rest, 1),
            Text(rest, 0),
            ToolCall(index=0, id="a", name="f", arguments=f'{{"a":"{half}'),
            ToolCall(index=1, id="b", name="f", arguments=f'{{"b":"{half}"}}'),
            ToolCall(index=0, arguments=f'{rest}"}}'),
            Finished(reason="stop", choice=1),
        ]
        far = Speaker("openai.chat", answer(*parts))

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                body = await asked(
                    room, "openai.chat", request("openai.chat", "x", stream=True, n=2)
                )
            found = read("openai.chat", body, stream=True)
            texts: dict[Any, str] = {}
            for part in found:
                if isinstance(part, Text):
                    texts[part.choice] = texts.get(part.choice, "") + part.text
                elif isinstance(part, ToolCall):
                    texts["call", part.index] = texts.get(("call", part.index), "") + part.arguments
            assert texts == {
                0: HIDDEN,
                1: "x" + rest,
                ("call", 0): json.dumps({"a": HIDDEN}, separators=(",", ":")),
                ("call", 1): json.dumps({"b": half}, separators=(",", ":")),
            }

        in_loop(work)

    def test_log_probabilities_go_with_the_text_they_spell_out(self, tmp_path: Path) -> None:
        spelt = {"content": [{"token": MARKER, "logprob": -0.1}]}
        far = Speaker("openai.chat")
        choice = {"index": 0, "finish_reason": "stop", "logprobs": spelt}
        chunk = {"id": "1", "choices": [{**choice, "delta": {"content": f"a {MARKER}"}}]}
        whole = {"id": "1", "choices": [{**choice, "message": {"content": f"a {MARKER}"}}]}

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                for stream, wires in ((True, [chunk]), (False, [whole])):
                    said = [json.dumps(one).encode() for one in wires]
                    far.raw = [b"data: " + one + b"\n\n" for one in said] if stream else said
                    asks = request("openai.chat", "x", stream=stream)
                    body = await asked(room, "openai.chat", asks)
                    assert MARKER.encode() not in body
                    assert HIDDEN.encode() in body

        in_loop(work)

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("asked_in", ["anthropic.messages", "openai.chat"])
    def test_sources_are_replaced_where_they_stand(
        self, tmp_path: Path, asked_in: str, stream: bool
    ) -> None:
        cited = Other(kind="citation", data={"cited_text": f"see {MARKER}", "url": "https://x"})
        far = Speaker("anthropic.messages", answer(Text("So"), cited, Text(" it is.")))

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                body = await asked(room, asked_in, request(asked_in, "x", stream=stream))
                assert MARKER.encode() not in body
                parts = read(asked_in, body, stream=stream)
                assert text_of(parts) == "So it is."
                assert [p.reason for p in parts if isinstance(p, Finished)] == ["stop"]
                sources = [part.data for part in parts if isinstance(part, Other)]
            if asked_in == far.dialect:
                assert sources == [{"cited_text": f"see {HIDDEN}", "url": "https://x"}]

        in_loop(work)


def _named(*events: dict[str, Any]) -> list[bytes]:
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]


def _message(text: str) -> dict[str, Any]:
    said = [{"type": "output_text", "text": text}]
    return {"type": "message", "id": "m", "role": "assistant", "content": said}


def _response(*events: dict[str, Any]) -> tuple[str, list[bytes]]:
    first = {"type": "response.created", "response": {"id": "r", "output": []}}
    last = {"type": "response.completed", "response": {"id": "r", "status": "completed"}}
    return "openai.responses", _named(first, *events, last)


def _block(block: dict[str, Any], *json_pieces: str) -> tuple[str, list[bytes]]:
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in json_pieces]
    return "anthropic.messages", _named(
        {"type": "message_start", "message": {"id": "m", "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in pieces),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    )


HALVES = MARKER[:4], MARKER[4:]
UNREAD = {
    "a custom tool": _response(
        *(
            {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": half}
            for half in HALVES
        )
    ),
    "a text that comes whole": _response(
        {"type": "response.output_text.done", "output_index": 0, "text": MARKER},
        {"type": "response.output_item.done", "output_index": 0, "item": _message(MARKER)},
    ),
    "a tool of the provider": _block(
        {"type": "server_tool_use", "id": "s", "name": "n", "input": {}},
        f'{{"q":"{HALVES[0]}',
        f'{HALVES[1]}"}}',
    ),
    "what that tool found": _block(
        {"type": "web_search_tool_result", "content": [{"url": MARKER}]}
    ),
}


@pytest.mark.parametrize("what", UNREAD)
@pytest.mark.parametrize("action", ["block", "replace"])
def test_what_is_no_part_of_its_own_does_not_slip_by(
    tmp_path: Path, what: str, action: str
) -> None:
    dialect, raw = UNREAD[what]
    far = Speaker(dialect)
    far.raw = raw

    async def work() -> None:
        guard = Canary(action, stage="output")
        async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
            body = await asked(room, dialect, request(dialect, "x", stream=True))
            (call, *_) = await room.spans()
        assert HALVES[1].encode() not in body
        assert MARKER not in str(call)
        ends = [p.reason for p in read(dialect, body, stream=True) if isinstance(p, Finished)]
        assert len(ends) == 1
        assert (ends[0] in FILTERED) == (action == "block")
        assert (HIDDEN.encode() in body) == (action == "replace")

    in_loop(work)


class Slow(Speaker):
    """Says the next piece when it is told to."""

    def __init__(self, dialect: str, parts: list[Part]) -> None:
        super().__init__(dialect, parts)
        self.told = asyncio.Semaphore(0)

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)

        async def chunks() -> AsyncIterator[bytes]:
            for raw in wire(self.dialect, self.parts, stream=True):
                await self.told.acquire()
                yield raw

        return Reply(status=200, headers=STREAM if call.stream else JSON, chunks=chunks())


class TestHolding:
    @pytest.mark.parametrize(("window", "least"), [(10, 150), (100, 60), (None, 0)])
    def test_a_stream_is_held_back_by_the_window_and_no_more(
        self, tmp_path: Path, window: int | None, least: int
    ) -> None:
        """Of 200 characters, before the provider has ended; a check comes every 16 or 25."""
        far = Slow("openai.chat", answer(*pieces("0123456789" * 20, 1)))

        async def work() -> None:
            hooks = Hooks([Canary(window_chars=window)])
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                for _ in range(200):
                    far.told.release()
                body = request("openai.chat", "x", stream=True)
                starting = asyncio.create_task(
                    room.gateway.ask(DIALECTS["openai.chat"], body, CALLER)
                )
                said = b""
                if window is not None:
                    given = await starting
                    while len(text_of(read("openai.chat", said, stream=True))) < least:
                        said += await anext(given.chunks)
                    assert len(text_of(read("openai.chat", said, stream=True))) <= 200 - window
                else:
                    await asyncio.wait([starting], timeout=0.05)
                    assert not starting.done()
                for _ in range(10):
                    far.told.release()
                given = await starting
                said += b"".join([chunk async for chunk in given.chunks])
                await given.chunks.aclose()
            assert text_of(read("openai.chat", said, stream=True)) == "0123456789" * 20

        in_loop(work)

    def test_an_answer_does_not_wait_behind_reasoning_until_its_end(self, tmp_path: Path) -> None:
        thought = Reasoning(text="0123456789" * 3)
        far = Slow("openai.chat", answer(thought, *pieces("0123456789" * 100, 10)))

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                for _ in range(100):
                    far.told.release()
                body = request("openai.chat", "x", stream=True)
                given = await room.gateway.ask(DIALECTS["openai.chat"], body, CALLER)
                said = b""
                while len(text_of(read("openai.chat", said, stream=True))) < 900:
                    said += await anext(given.chunks)
                assert reasoning_of(read("openai.chat", said, stream=True)) == thought.text
                await given.chunks.aclose()

        in_loop(work)

    def test_the_work_of_guards_grows_with_the_answer_and_not_with_its_square(
        self, tmp_path: Path
    ) -> None:
        guard = Canary(window_chars=40)
        far = Speaker("openai.chat", answer(*pieces("x" * 20_000, 4)))

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                await asked(room, "openai.chat", request("openai.chat", "x", stream=True))
            assert sum(len(one.text) for s in guard.seen for one in s.texts) < 10 * 20_000

        in_loop(work)

    def test_what_is_held_has_a_bound(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(holding, "MAX_HELD_BYTES", 10_000)
        far = Speaker("openai.chat", answer(*pieces("x" * 2_000, 4)))

        async def work() -> None:
            hooks = Hooks([Canary(window_chars=None)])
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                with pytest.raises(ProviderError, match="guard wants to see at once"):
                    await asked(room, "openai.chat", request("openai.chat", "x", stream=True))
                assert room.gateway.in_flight == 0
            assert far.closed

        in_loop(work)

    def test_signs_of_life_overtake_what_is_held(self, tmp_path: Path) -> None:
        far = Speaker("openai.chat")
        events = wire("openai.chat", answer(Text("fine")), stream=True)
        far.raw = [events[0], b": alive\n\n", *events[1:]]

        async def work() -> None:
            hooks = Hooks([Canary(window_chars=None)])
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                body = await asked(room, "openai.chat", request("openai.chat", "x", stream=True))
            assert body.startswith(b": alive")
            assert text_of(read("openai.chat", body, stream=True)) == "fine"

        in_loop(work)

    def test_a_stream_that_breaks_off_is_a_failure_and_what_was_fine_is_given(
        self, tmp_path: Path
    ) -> None:
        far = Speaker("openai.chat", answer(*pieces("fine so far", 2))[:-3])

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                body = await asked(room, "openai.chat", request("openai.chat", "x", stream=True))
                (span,) = await room.spans()
            assert text_of(read("openai.chat", body, stream=True)) == "fine so far"
            assert b"ended before it was complete" in body
            assert span.status == "error"

        in_loop(work)


def test_an_answer_from_the_cache_passes_the_guards_again(tmp_path: Path) -> None:
    far = Speaker("openai.chat", answer(*pieces(SAYS, 3)))
    route = Route(
        name="cached", targets=(ModelTarget(model="far/m"),), cache=CacheSettings(shared=True)
    )
    cache = AnswerCache(SystemClock(), limit_bytes=1 << 24)

    async def work() -> None:
        hooks = Hooks([Canary(stage="output")])
        async with wired(
            tmp_path, providers=[far], routes=[route], cache=cache, hooks=hooks
        ) as room:
            for stream in (True, True, False):
                asks = request("openai.chat", "x", model="cached", stream=stream)
                body = await asked(room, "openai.chat", asks)
                assert text_of(read("openai.chat", body, stream=stream)) == HIDES
            spans = await room.spans()
        hits = [span.attributes["trimtab.cache"] for span in spans if span.kind == "llm"]
        assert hits[1] == "hit"

    in_loop(work)
