"""Guards on the way of requests and answers: every guard on every dialect, streamed or not."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.stations.canary import (
    ASKED_IN,
    HIDDEN,
    MARKER,
    Canary,
    Speaker,
    answer,
    arguments_of,
    calls,
    pieces,
    read,
    reasoning_of,
    request,
    text_of,
)
from tests.stations.wiring import CALLER, RETRIEVAL, Wired, deployment, in_loop, wired

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Finished, Part, Reasoning, Refusal, Text, Used
from trimtab.errors import Blocked
from trimtab.gateway.hooks import Hooks
from trimtab.records import Message

SAYS = f"one {MARKER} two {MARKER}{MARKER} three"
HIDES = SAYS.replace(MARKER, HIDDEN)
ROUTES = [
    pytest.param(asked, spoken, stream, id=f"{asked}-{spoken}-{'stream' if stream else 'whole'}")
    for asked in ASKED_IN
    for spoken in (asked, "anthropic.messages" if asked.startswith("openai") else "openai.chat")
    for stream in (False, True)
]
FILTERED = {"content_filter", "refusal"}


async def asked(room: Wired, dialect: str, body: bytes) -> bytes:
    given = await room.gateway.ask(DIALECTS[dialect], body, CALLER)
    try:
        return b"".join([chunk async for chunk in given.chunks])
    finally:
        await given.chunks.aclose()


def on_disk(data: Path) -> bytes:
    """Everything that was stored, compressed packs left out."""
    return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())


async def spans_of(room: Wired) -> list[dict[str, Any]]:
    """The spans as anybody can read them."""
    import msgspec

    return [msgspec.to_builtins(span) for span in await room.spans()]


class TestInput:
    @pytest.mark.parametrize(("asked_in", "spoken", "stream"), ROUTES)
    def test_a_marker_is_replaced_before_anything_is_sent_or_stored(
        self,
        tmp_path: Path,
        asked_in: str,
        spoken: str,
        stream: bool,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        far = Speaker(spoken, answer(Text("fine")))
        guard = Canary(stage="input")

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                body = await asked(room, asked_in, request(asked_in, SAYS, stream=stream))
                assert text_of(read(asked_in, body, stream=stream)) == "fine"
                spooled = on_disk(tmp_path / "spool")
                spans = await spans_of(room)
            call, child = spans
            assert HIDES in json.dumps(call["input"], ensure_ascii=False)
            (entry,) = call["attributes"]["trimtab.guards"]
            assert (entry["name"], entry["version"], entry["stage"]) == ("canary", "3", "input")
            assert (entry["action"], entry["value"], entry["threshold"]) == ("replace", 1.0, 0.5)
            assert (child["kind"], child["name"]) == ("guard", "canary")
            assert child["parent_id"] == call["span_id"]
            assert HIDDEN.encode() in spooled
            for stored in (far.calls[0].body, spooled, json.dumps(spans).encode()):
                assert MARKER.encode() not in stored
            assert MARKER.encode() not in on_disk(tmp_path)
            assert MARKER not in caplog.text

        in_loop(work)

    @pytest.mark.parametrize("asked_in", ASKED_IN)
    def test_a_blocked_request_is_an_error_that_clients_know_and_calls_nobody(
        self, tmp_path: Path, asked_in: str
    ) -> None:
        far = Speaker(asked_in, answer(Text("fine")))

        async def work() -> None:
            guard = Canary("block", stage="input")
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                with pytest.raises(Blocked) as caught:
                    await asked(room, asked_in, request(asked_in, SAYS))
                assert room.gateway.in_flight == 0
                call, child = await spans_of(room)
            error = caught.value
            assert (error.status, error.code, error.what) == (400, "content_filter", "not this")
            shown = json.loads(DIALECTS[asked_in].error(error))
            assert "not this" in shown["error"]["message"]
            if asked_in.startswith("openai"):
                assert shown["error"]["code"] == "content_filter"
            else:
                assert shown["error"]["type"] == "invalid_request_error"
            assert far.calls == []
            assert (call["status"], child["output"]["action"]) == ("error", "block")
            assert call["attributes"]["trimtab.blocked"] == "canary"
            assert MARKER not in json.dumps(call)

        in_loop(work)

    def test_what_is_not_replaced_stays_byte_for_byte(self, tmp_path: Path) -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        before = rb'{"role":"system", "content":"Be \u0062rief.", "n":1.10}'
        after = b'{"role" : "user","content":[{"type":"text","text":"x","m":' + b"9" * 30 + b"}]}"
        marked = json.dumps({"role": "user", "content": SAYS}).encode()
        rest = b'"top_p": 1e400, "messages": ['
        body = b'{"model": "far/m", ' + rest + b",".join([before, marked, after]) + b"]}"

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                await asked(room, "openai.chat", body)
            sent = far.calls[0].body
            assert before in sent
            assert after in sent
            assert b'"top_p":1e400' in sent
            assert json.loads(sent)["messages"][1]["content"] == HIDES

        in_loop(work)

    def test_a_request_that_no_guard_changes_is_sent_as_without_guards(
        self, tmp_path: Path
    ) -> None:
        body = b'{"model": "far/m", "messages": [ {"role":"user","content":"x"} ], "n": 1.0}'
        sent = []

        async def work() -> None:
            for index, hooks in enumerate((None, Hooks([Canary(), Canary(parallel=True)]))):
                far = Speaker("openai.chat", answer(Text("fine")))
                data = tmp_path / str(index)
                async with wired(data, providers=[far], hooks=hooks) as room:
                    await asked(room, "openai.chat", body)
                sent.append(far.calls[0].body)
            assert sent[0] == sent[1]

        in_loop(work)

    def test_variables_of_the_prompt_and_passages_are_seen_too(self, tmp_path: Path) -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        prompt = (Message(role="system", content="For {{ tier }}:\n{{ passages }}"),)
        live = deployment(far, "m", messages=prompt, retrieval=RETRIEVAL)
        guard = Canary(stage="input")

        async def work() -> None:
            async with wired(
                tmp_path, providers=[far], deployments=[live], hooks=Hooks([guard])
            ) as room:
                said = request(
                    "openai.chat",
                    "which port does the widget server listen on",
                    model="widgets",
                    trimtab={"variables": {"tier": MARKER}},
                )
                await asked(room, "openai.chat", said)
                spans = await spans_of(room)
            assert MARKER.encode() not in far.calls[0].body
            assert f"For {HIDDEN}" in json.loads(far.calls[0].body)["messages"][0]["content"]
            places = {(one.place.role, one.place.kind) for s in guard.seen for one in s.texts}
            assert places == {("user", "text"), ("variable", "text"), ("retrieved", "context")}
            assert {span["kind"] for span in spans} == {"chain", "retriever", "guard", "llm"}

        in_loop(work)


class TestOutput:
    @pytest.mark.parametrize(("asked_in", "spoken", "stream"), ROUTES)
    @pytest.mark.parametrize("window", [len(MARKER), None], ids=["window", "whole"])
    def test_a_marker_in_the_text_is_replaced_and_the_rest_is_kept(
        self, tmp_path: Path, asked_in: str, spoken: str, stream: bool, window: int | None
    ) -> None:
        far = Speaker(spoken, answer(*pieces(SAYS, 3)))

        async def work() -> None:
            guard = Canary(stage="output", window_chars=window)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                body = await asked(room, asked_in, request(asked_in, "x", stream=stream))
                call, child = await spans_of(room)
            parts = read(asked_in, body, stream=stream)
            assert text_of(parts) == HIDES
            assert MARKER.encode() not in body
            assert [part.reason for part in parts if isinstance(part, Finished)] == ["stop"]
            assert call["output"][0]["content"] == HIDES
            assert call["usage"]["output"] == 5
            assert child["output"]["action"] == "replace"
            assert MARKER.encode() not in on_disk(tmp_path)

        in_loop(work)

    @pytest.mark.parametrize(
        ("asked_in", "spoken", "stream"),
        [route for route in ROUTES if "completions" not in str(route.id)],
    )
    def test_a_marker_in_the_arguments_of_a_tool_is_replaced(
        self, tmp_path: Path, asked_in: str, spoken: str, stream: bool
    ) -> None:
        given = json.dumps({"city": f"in {MARKER} or", "n": [1, 2]})
        far = Speaker(spoken, answer(Text("So:"), *calls(given, 2), finish="tool_calls"))

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                body = await asked(room, asked_in, request(asked_in, "x", stream=stream))
                (call, *_) = await spans_of(room)
            parts = read(asked_in, body, stream=stream)
            expected = {"city": f"in {HIDDEN} or", "n": [1, 2]}
            assert json.loads(arguments_of(parts)) == expected
            assert text_of(parts) == "So:"
            assert MARKER.encode() not in body
            recorded = call["output"][0]["tool_calls"][0]["function"]["arguments"]
            assert json.loads(recorded) == expected

        in_loop(work)

    @pytest.mark.parametrize("asked_in", ["openai.chat", "anthropic.messages", "openai.responses"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_a_marker_in_the_reasoning_is_replaced(
        self, tmp_path: Path, asked_in: str, stream: bool
    ) -> None:
        thoughts: list[Part] = [Reasoning(text=SAYS[at : at + 4]) for at in range(0, len(SAYS), 4)]
        far = Speaker(asked_in, answer(*thoughts, Text("So.")))

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks([Canary()])) as room:
                body = await asked(room, asked_in, request(asked_in, "x", stream=stream))
            parts = read(asked_in, body, stream=stream)
            assert (reasoning_of(parts), text_of(parts)) == (HIDES, "So.")

        in_loop(work)

    @pytest.mark.parametrize(("asked_in", "spoken", "stream"), ROUTES)
    @pytest.mark.parametrize("before", ["", "good words come first, and quite a few of them: "])
    def test_a_blocked_answer_ends_as_clients_expect_and_the_provider_is_left(
        self, tmp_path: Path, asked_in: str, spoken: str, stream: bool, before: str
    ) -> None:
        far = Speaker(spoken, answer(*pieces(f"{before}{MARKER} and more", 3)))

        async def work() -> None:
            guard = Canary("block", stage="output")
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                body = await asked(room, asked_in, request(asked_in, "x", stream=stream))
                call, child = await spans_of(room)
                assert room.gateway.in_flight == 0
            parts = read(asked_in, body, stream=stream)
            said = text_of(parts).replace("not this", "")
            assert before.startswith(said)
            assert MARKER.encode() not in body
            assert b"and more" not in body
            ends = [part.reason for part in parts if isinstance(part, Finished)]
            assert set(ends) <= FILTERED
            assert len(ends) == 1
            assert (call["status"], call["attributes"]["trimtab.blocked"]) == ("ok", "canary")
            assert child["output"]["action"] == "block"
            assert far.closed
            assert MARKER.encode() not in on_disk(tmp_path)

        in_loop(work)

    @pytest.mark.parametrize("asked_in", ASKED_IN)
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("action", ["replace", "block", "flag"])
    def test_an_answer_without_a_marker_passes_byte_for_byte(
        self, tmp_path: Path, asked_in: str, stream: bool, action: str
    ) -> None:
        far = Speaker(asked_in, answer(*pieces("nothing to see in here, not even CANARY-7", 4)))

        async def work() -> None:
            bodies = []
            for index, hooks in enumerate((None, Hooks([Canary(action)]))):
                data = tmp_path / str(index)
                async with wired(data, providers=[far], hooks=hooks) as room:
                    asks = request(asked_in, "x", stream=stream)
                    bodies.append(await asked(room, asked_in, asks))
                    spans = await spans_of(room)
            assert bodies[0] == bodies[1]
            (call,) = spans
            entries = call["attributes"]["trimtab.guards"]
            assert [entry["action"] for entry in entries] == ["pass", "pass"]
            assert all(entry["checks"] >= 1 for entry in entries)

        in_loop(work)

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_flag_lets_pass_and_is_on_record(self, tmp_path: Path, stream: bool) -> None:
        far = Speaker("openai.chat", answer(*pieces(SAYS, 5)))

        async def work() -> None:
            guard = Canary("flag", stage="output")
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                body = await asked(room, "openai.chat", request("openai.chat", "x", stream=stream))
                call, child = await spans_of(room)
            assert text_of(read("openai.chat", body, stream=stream)) == SAYS
            assert call["attributes"]["trimtab.guards"][0]["action"] == "flag"
            assert child["output"]["reason"] == "it has the marker"

        in_loop(work)

    def test_the_refusal_tells_the_caller_why_when_nothing_was_said_before(
        self, tmp_path: Path
    ) -> None:
        far = Speaker("openai.chat", answer(Text(MARKER)))

        async def work() -> None:
            hooks = Hooks([Canary("block", stage="output")])
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                for stream in (False, True):
                    asks = request("openai.chat", "x", stream=stream)
                    parts = read(
                        "openai.chat", await asked(room, "openai.chat", asks), stream=stream
                    )
                    assert [part.text for part in parts if isinstance(part, Refusal)] == [
                        "not this"
                    ]
                    assert not stream or not any(isinstance(part, Used) for part in parts)

        in_loop(work)
