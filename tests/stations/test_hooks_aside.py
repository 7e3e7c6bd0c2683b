"""What an answer says beside its texts, and instead of one, is guarded like them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.guards.marks import KEEP, ready
from tests.stations.canary import HIDDEN, MARKER, Canary, Speaker, read, request, text_of
from tests.stations.test_hooks import FILTERED, asked, on_disk
from tests.stations.wiring import CALLER, in_loop, wired

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Failed, Text
from trimtab.errors import InvalidRequest, ProviderError
from trimtab.gateway.hooks import Hooks
from trimtab.ports import Call, Reply
from trimtab.records import GuardRule
from trimtab.signals.pii.signal import Pii

CHAT, MESSAGES, RESPONSES = "openai.chat", "anthropic.messages", "openai.responses"
MAIL = "ann.smith@example.org"
HALVES = MARKER[:4], MARKER[4:]


def events(*wires: dict[str, Any], named: bool = False) -> list[bytes]:
    names = [f"event: {one['type']}\n" if named else "" for one in wires]
    return [
        f"{name}data: {json.dumps(one)}\n\n".encode()
        for name, one in zip(names, wires, strict=True)
    ]


def chat(*deltas: dict[str, Any], **more: Any) -> tuple[str, list[bytes], None]:
    """A stream of these deltas."""
    chunks: list[dict[str, Any]] = [
        {"id": "1", "choices": [{"index": 0, "delta": delta, **more}]} for delta in deltas
    ]
    end = {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return CHAT, [*events(*chunks, end), b"data: [DONE]\n\n"], None


def details(text: str) -> dict[str, Any]:
    return {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": text}]}


def custom(text: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"input": text}}]}


def spelt(text: str) -> dict[str, Any]:
    return {"content": [{"token": text, "logprob": -0.1, "top_logprobs": []}]}


def blocks(*blocks: dict[str, Any], pieces: Sequence[str] = ()) -> tuple[str, list[bytes], None]:
    found: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "m", "usage": {}}}]
    for index, block in enumerate(blocks):
        found.append({"type": "content_block_start", "index": index, "content_block": block})
        for piece in pieces:
            delta = {"type": "input_json_delta", "partial_json": piece}
            found.append({"type": "content_block_delta", "index": index, "delta": delta})
        found.append({"type": "content_block_stop", "index": index})
    why = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}
    return MESSAGES, events(*found, why, {"type": "message_stop"}, named=True), None


def tool(kind: str, key: str, deltas: str) -> tuple[str, list[bytes], None]:
    """A call of a tool that is said in pieces, then whole, then again twice."""
    item = {"type": kind, "id": "i", "name": "n", key: MARKER, "status": "completed"}
    at = {"output_index": 0}
    response = {"id": "r", "status": "completed", "output": [item]}
    wires: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "output": []}},
        {"type": "response.output_item.added", **at, "item": {**item, key: ""}},
        *({"type": f"{deltas}.delta", **at, "delta": half} for half in HALVES),
        {"type": f"{deltas}.done", **at, key: MARKER},
        {"type": "response.output_item.done", **at, "item": item},
        {"type": "response.completed", "response": response},
    ]
    return RESPONSES, events(*wires, named=True), None


def whole(dialect: str, wire: dict[str, Any]) -> tuple[str, None, bytes]:
    return dialect, None, json.dumps(wire).encode()


def choice(**message: Any) -> dict[str, Any]:
    return {"id": "1", "choices": [{"message": {"content": "x", **message}}]}


SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
FOUND = {
    "type": "web_search_tool_result",
    "content": [{"type": "web_search_result", "title": f"on {MARKER}", "page_age": None}],
}
NOTE = {"type": "url_citation", "url_citation": {"title": MARKER, "url": "https://x"}}
BESIDE: dict[str, tuple[str, list[bytes] | None, bytes | None]] = {
    "details of reasoning": chat(*map(details, HALVES)),
    "blocks of thinking": chat(*({"thinking_blocks": [{"thinking": one}]} for one in HALVES)),
    "two kinds of reasoning": chat({"reasoning": MARKER, "reasoning_content": "x"}),
    "a custom tool": chat(*map(custom, HALVES)),
    "members of a provider": chat(*({"provider_specific_fields": {"a": one}} for one in HALVES)),
    "a member nobody knows": chat(*({"novel": one} for one in HALVES)),
    "sources": chat({"content": "x", "annotations": [NOTE]}),
    "a member of the choice": chat({"content": "x"}, provider_specific_fields={"a": MARKER}),
    "whole details": whole(CHAT, choice(**details(MARKER))),
    "a whole custom tool": whole(CHAT, choice(**custom(MARKER))),
    "a member of the answer": whole(CHAT, {**choice(), "citations": [MARKER]}),
    "what a tool is asked": blocks(SEARCH, pieces=(f'{{"q":"{HALVES[0]}', f'{HALVES[1]}"}}')),
    "what a tool found": blocks(FOUND),
    "a whole tool": whole(
        MESSAGES,
        {"id": "m", "stop_reason": "end_turn", "content": [{**SEARCH, "input": {"q": MARKER}}]},
    ),
    "a custom call": tool("custom_tool_call", "input", "response.custom_tool_call_input"),
    "a far call": tool("mcp_call", "arguments", "response.mcp_call_arguments"),
    "code": tool("code_interpreter_call", "code", "response.code_interpreter_call_code"),
    "an unknown call": tool("novel_call", "words", "response.novel_call_words"),
}


@pytest.mark.parametrize("cut", [None, 7])
@pytest.mark.parametrize("what", BESIDE)
def test_what_stands_beside_the_texts_is_replaced(
    tmp_path: Path, what: str, cut: int | None
) -> None:
    dialect, stream, body = BESIDE[what]
    far = Speaker(dialect, cut=cut)
    far.raw = stream or [body or b""]

    async def work() -> None:
        hooks = Hooks([Canary("replace", stage="output")])
        async with wired(tmp_path, providers=[far], hooks=hooks) as room:
            given = await asked(room, dialect, request(dialect, "x", stream=bool(stream)))
        for half in (MARKER, HALVES[1]):
            assert half.encode() not in given
        assert HIDDEN.encode() in given
        parts = read(dialect, given, stream=bool(stream))
        assert not [part for part in parts if getattr(part, "reason", "") in FILTERED]

    in_loop(work)


def looking() -> Canary:
    """A guard that only looks."""
    guard = Canary("flag", stage="output", name="looks")
    guard.observes = True  # type: ignore[attr-defined]
    return guard


@pytest.mark.parametrize("what", BESIDE)
def test_who_only_looks_sees_what_stands_beside_the_texts(tmp_path: Path, what: str) -> None:
    dialect, stream, body = BESIDE[what]
    far = Speaker(dialect)
    far.raw = stream or [body or b""]

    async def work() -> None:
        async with wired(tmp_path, providers=[far], hooks=Hooks([looking()])) as room:
            given = await asked(room, dialect, request(dialect, "x", stream=bool(stream)))
            (call, *_) = await room.spans()
        assert given == b"".join(far.raw or ())
        (entry,) = call.attributes["trimtab.guards"]
        assert (entry["name"], entry["action"]) == ("looks", "flag")

    in_loop(work)


def test_an_answer_that_cannot_be_shown_goes_on_and_is_said_to_be_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError(MARKER)

    monkeypatch.setattr("trimtab.gateway.answer_texts.AnswerTexts.event", broken)
    _, stream, _ = chat({"content": "fine"})
    far = Speaker(CHAT)
    far.raw = stream

    async def work() -> None:
        async with wired(tmp_path, providers=[far], hooks=Hooks([looking()])) as room:
            given = await asked(room, CHAT, request(CHAT, "x", stream=True))
            (call, *_) = await room.spans()
        assert given == b"".join(stream)
        (entry,) = call.attributes["trimtab.guards"]
        assert (entry["action"], entry["error"]) == ("skipped", "the answer cannot be read")

    in_loop(work)


def test_a_stream_is_not_held_by_words_that_every_event_repeats(tmp_path: Path) -> None:
    words = {"service_tier": "default", "provider": "Somebody"}
    deltas = [{"content": "a", "role": "assistant"} for _ in range(100)]
    chunks = [{"id": "1", "choices": [{"index": 0, "delta": one}], **words} for one in deltas]
    far = Speaker(CHAT)
    far.raw = [*events(*chunks), b"data: [DONE]\n\n"]

    async def work() -> None:
        guard = Canary("replace", stage="output")
        async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
            given = await asked(room, CHAT, request(CHAT, "x", stream=True))
        assert text_of(read(CHAT, given, stream=True)) == "a" * 100
        assert sum("default" in one.text for seen in guard.seen for one in seen.texts) == 1

    in_loop(work)


@pytest.mark.parametrize(
    ("delta", "tokens", "stays"),
    [({"content": "ok"}, "ok", True), ({"content": "ok"}, MARKER, False), ({}, MARKER, False)],
)
@pytest.mark.parametrize("stream", [True, False])
def test_log_probabilities_stay_where_they_spell_the_text(
    tmp_path: Path, delta: dict[str, Any], tokens: str, stays: bool, stream: bool
) -> None:
    far = Speaker(CHAT)
    wire = {"id": "1", "choices": [{"message": delta, "logprobs": spelt(tokens)}]}
    far.raw = chat(delta, logprobs=spelt(tokens))[1] if stream else [json.dumps(wire).encode()]

    async def work() -> None:
        hooks = Hooks([Canary("replace", stage="output")])
        async with wired(tmp_path, providers=[far], hooks=hooks) as room:
            given = await asked(room, CHAT, request(CHAT, "x", stream=stream))
        assert (tokens.encode() in given.replace(b'"content": "ok"', b"")) == stays
        assert (b'"logprob"' in given) == stays

    in_loop(work)


@pytest.mark.parametrize("action", ["redact", "block"])
@pytest.mark.parametrize("size", [1, 3, 400])
def test_personal_data_in_tools_of_the_provider_is_hidden(
    tmp_path: Path, action: Any, size: int
) -> None:
    asks = json.dumps({"query": f"who is {MAIL}?"})
    found = {**FOUND, "content": [{"type": "web_search_result", "title": f"{MAIL} and more"}]}
    pieces = [asks[at : at + size] for at in range(0, len(asks), size)]
    far = Speaker(MESSAGES)
    far.raw = [*blocks(SEARCH, pieces=pieces)[1][:-2], *blocks(found)[1][1:]]
    rule = GuardRule(signal="pii", on=("output",), action=action)
    policy = ready(rule, record=KEEP, signals={"pii": Pii()})

    async def work() -> None:
        hooks = Hooks(policy.begin().guards)
        async with wired(tmp_path, providers=[far], hooks=hooks) as room:
            given = await asked(room, MESSAGES, request(MESSAGES, "x", stream=True))
        assert MAIL.encode() not in given
        assert given.count(b"[EMAIL_ADDRESS]") == (2 if action == "redact" else 0)

    in_loop(work)


def test_items_that_come_by_turns_are_two_texts(tmp_path: Path) -> None:
    first, second = f"one {MARKER} is", f"two {MARKER} are"
    wires: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "output": []}}
    ]
    items = [
        {"type": "message", "id": f"i{n}", "content": [{"type": "output_text", "text": text}]}
        for n, text in enumerate((first, second))
    ]
    for n, item in enumerate(items):
        added = {**item, "content": [], "status": "in_progress"}
        wires.append({"type": "response.output_item.added", "output_index": n, "item": added})
    for a, b in zip(first.ljust(len(second)), second, strict=True):
        for n, char in enumerate((a, b)):
            delta = {"type": "response.output_text.delta", "content_index": 0, "delta": char}
            wires.append({**delta, "output_index": n})
    items[0]["content"] = [{"type": "output_text", "text": first.ljust(len(second))}]
    for n, item in enumerate(items):
        wires.append({"type": "response.output_item.done", "output_index": n, "item": item})
    response = {"id": "r", "status": "completed", "output": items}
    wires.append({"type": "response.completed", "response": response})
    far = Speaker(RESPONSES)
    far.raw = events(*wires, named=True)

    async def work() -> None:
        guard, looks = Canary("replace", stage="output"), Canary("flag", name="looks")
        looks.observes = True  # type: ignore[attr-defined]
        async with wired(tmp_path, providers=[far], hooks=Hooks([guard, looks])) as room:
            given = await asked(room, RESPONSES, request(RESPONSES, "x", stream=True))
        assert MARKER.encode() not in given
        said: dict[int, str] = {}
        for part in read(RESPONSES, given, stream=True):
            if isinstance(part, Text):
                said[part.item] = said.get(part.item, "") + part.text
        assert {n: text.strip() for n, text in said.items()} == {
            0: f"one {HIDDEN} is",
            1: f"two {HIDDEN} are",
        }
        assert sum(MARKER in one.text for one in looks.seen[-1].texts) == 2

    in_loop(work)


class Failing(Speaker):
    """Answers with an error."""

    def __init__(self, dialect: str, status: int, body: bytes, kind: str) -> None:
        super().__init__(dialect)
        self.status, self.raw, self.kind = status, [body], kind

    async def send(self, call: Call) -> Reply:
        reply = await super().send(call)
        headers = {"content-type": self.kind}
        return msgspec.structs.replace(reply, status=self.status, headers=headers)


def refusal(dialect: str, said: str) -> bytes:
    error = {"type": "invalid_request_error", "message": f"cannot read: {said}", "param": said}
    outer = {"type": "error"} if dialect == MESSAGES else {}
    return json.dumps({**outer, "error": error}).encode()


@pytest.mark.parametrize("action", ["replace", "block"])
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
@pytest.mark.parametrize(
    ("asked_in", "spoken"), [*((one, one) for one in (CHAT, MESSAGES, RESPONSES)), (CHAT, MESSAGES)]
)
def test_an_error_that_quotes_is_guarded(
    tmp_path: Path, asked_in: str, spoken: str, kind: str, action: str
) -> None:
    async def answered(said: str, data: Path, *guards: Canary) -> tuple[int, bytes]:
        far = Failing(spoken, 422, refusal(spoken, said), kind)
        async with wired(data, providers=[far], hooks=Hooks(guards)) as room:
            body = request(asked_in, "x")
            answer = await room.gateway.ask(DIALECTS[asked_in], body, CALLER)
            return answer.status, b"".join([one async for one in answer.chunks])

    async def work() -> None:
        guard, looks, alone = Canary(action, stage="output"), looking(), looking()
        status, given = await answered(MARKER, tmp_path / "1", guard, looks)
        assert (status, MARKER.encode() in given) == (422, False)
        wire = json.loads(given)
        if kind == "application/json":
            message = f"cannot read: {HIDDEN}" if action == "replace" else "not this"
            assert wire["error"]["message"].startswith(message)
        assert (wire.get("type") == "error") == (asked_in == MESSAGES)
        assert MARKER.encode() not in on_disk(tmp_path / "1")
        await answered(MARKER, tmp_path / "3", alone)
        assert MARKER in looks.shown
        assert MARKER in alone.shown
        status, given = await answered("nothing", tmp_path / "2", guard)
        if kind == "application/json" and asked_in == spoken:
            assert given == refusal(spoken, "nothing"), "an error of which nothing is wanted out"

    in_loop(work)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("asked_in", "spoken"), [*((one, one) for one in (CHAT, MESSAGES, RESPONSES)), (CHAT, MESSAGES)]
)
def test_an_error_in_a_stream_is_guarded(
    tmp_path: Path, asked_in: str, spoken: str, before: bool
) -> None:
    error = refusal(spoken, MARKER)
    if spoken == RESPONSES:
        error = json.dumps({"type": "error", "message": f"cannot read: {MARKER}"}).encode()
    far = Speaker(spoken, [Text("Good words, and quite a few of them. ")] if before else [])

    async def work() -> None:
        looks, alone = looking(), looking()
        hooks = Hooks([Canary("replace", stage="output"), looks])
        async with wired(tmp_path / "1", providers=[far], hooks=hooks) as room:
            writer = DIALECTS[spoken].writer(
                DIALECTS[spoken].envelope(request(spoken, "x", stream=True)), id="f", created_s=1
            )
            raw = [writer.stream(part) for part in far.parts]
            far.raw = [*raw, b"event: error\ndata: " + error + b"\n\n"]
            try:
                given = await asked(room, asked_in, request(asked_in, "x", stream=True))
                said = [
                    one.message
                    for one in read(asked_in, given, stream=True)
                    if isinstance(one, Failed)
                ]
            except ProviderError as told:  # Before there is anything of an answer.
                given, said = b"", [told.what]
            assert MARKER.encode() not in given
            (message,) = said
            assert f"cannot read: {HIDDEN}" in message
            assert MARKER not in message
            assert MARKER not in str(await room.spans())
        async with wired(tmp_path / "2", providers=[far], hooks=Hooks([alone])) as room:
            with suppress(ProviderError):
                await asked(room, asked_in, request(asked_in, "x", stream=True))
        for texts in (looks.shown, alone.shown):
            assert f"cannot read: {MARKER}" in texts

    in_loop(work)


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("half", [b"\\ud800", b"\\udc00x", b"\xed\xa0\x80", b"\xff"])
def test_half_a_character_is_refused_before_anybody_is_asked(
    tmp_path: Path, dialect: str, half: bytes
) -> None:
    far = Speaker(dialect, [Text("fine")])
    body = request(dialect, "MINE").replace(b"MINE", half + MARKER.encode())

    async def work() -> None:
        hooks = Hooks([Canary("block", stage="input")])
        async with wired(tmp_path, providers=[far], hooks=hooks) as room:
            with pytest.raises(InvalidRequest, match=r"surrogate|UTF-8|not valid JSON"):
                await asked(room, dialect, body)
        assert far.calls == []

    in_loop(work)
