"""Texts of a request that lie beside its messages, and what guards cannot read at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.stations.canary import MARKER, Canary, Speaker, answer, request
from tests.stations.test_hooks import asked, on_disk
from tests.stations.wiring import CALLER, in_loop, wired

from trimtab.dialects.llm.parts import Text
from trimtab.errors import Blocked, InvalidRequest
from trimtab.gateway import variables
from trimtab.gateway.ask import Passing
from trimtab.gateway.hooks import Hooks
from trimtab.ports import Place

CHAT, MESSAGES, RESPONSES = "openai.chat", "anthropic.messages", "openai.responses"
FUNCTION = {"type": "function", "function": {"name": "f", "description": f"Says {MARKER}."}}
CALLED = {"type": "function", "function": {"name": MARKER}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "description": MARKER}}}
TOOL = {"name": "f", "input_schema": {"type": "object", "description": MARKER}}
CARD = {"type": "object", "properties": {f"the {MARKER}": {"type": "string"}}}
NAMED = [{"role": "user", "name": MARKER, "content": "Hi"}]
USED = [{"role": "assistant", "tool_calls": [{"function": {"name": MARKER, "arguments": "{}"}}]}]
STRANGE = [{"role": "user", "content": [{"type": "odd", "said": {"deep": [MARKER]}}]}]
BESIDE: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"tools": [FUNCTION]}),
    (CHAT, {"functions": [FUNCTION["function"]]}),
    (CHAT, {"prediction": {"type": "content", "content": MARKER}}),
    (CHAT, {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}),
    (CHAT, {"guided_json": CARD}),
    (CHAT, {"prompt": MARKER}),
    (CHAT, {"messages": NAMED}),
    (CHAT, {"messages": USED}),
    (CHAT, {"messages": STRANGE}),
    (MESSAGES, {"tools": [TOOL]}),
    (RESPONSES, {"prompt": {"id": "p", "variables": {"a": MARKER}}}),
    (RESPONSES, {"input": [{"type": "odd", "x": MARKER}]}),
    ("openai.completions", {"logit_bias": {MARKER: 1}}),
]
TWICE = [
    b'{"messages":[{"role":"user","content":"%b","content":"Hi"}]',
    b'{"messages":[{"role":"user","content":"Hi","content":"%b"}]',
    b'{"messages":[{"role":"user","content":[{"type":"text","text":"%b","t\\u0065xt":"Hi"}]}]',
    b'{"messages":[{"role":"user","content":"Hi"}],"tools":[{"a":"%b","a":"Hi"}]',
]


@pytest.mark.parametrize("parallel", [False, True], ids=["before", "beside"])
@pytest.mark.parametrize(("dialect", "fields"), BESIDE)
def test_a_guard_may_block_what_no_message_says(
    tmp_path: Path, dialect: str, fields: dict[str, Any], parallel: bool
) -> None:
    far = Speaker(dialect, answer(Text("fine")))

    async def work() -> None:
        guard = Canary("block", stage="input", parallel=parallel)
        async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
            with pytest.raises(Blocked, match="not this"):
                await asked(room, dialect, request(dialect, "x", **fields))
            assert room.gateway.in_flight == 0
        (other,) = [one for one in guard.seen[0].texts if MARKER in one.text]
        assert other.place.kind == "other"
        assert parallel or far.calls == []

    in_loop(work)


@pytest.mark.parametrize("fields", [{"tools": [CALLED]}, {"messages": NAMED}])
def test_what_cannot_be_replaced_is_blocked_and_not_on_record(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    far = Speaker(CHAT, answer(Text("fine")))

    async def work() -> None:
        guards = [Canary("flag", stage="input", name="looks"), Canary(stage="input", name="hides")]
        async with wired(tmp_path, providers=[far], hooks=Hooks(guards)) as room:
            with pytest.raises(Blocked, match="cannot be rewritten"):
                await asked(room, CHAT, request(CHAT, f"and {MARKER}", **fields))
            call, *_ = await room.spans()
        assert call.attributes["trimtab.blocked"] == "hides"
        assert (call.input, far.calls) == ([], [])
        assert MARKER.encode() not in on_disk(tmp_path)

    in_loop(work)


@pytest.mark.parametrize("parallel", [False, True], ids=["before", "beside"])
@pytest.mark.parametrize("start", TWICE)
def test_a_member_said_twice_is_refused_where_a_guard_reads_one_of_them(
    tmp_path: Path, start: bytes, parallel: bool
) -> None:
    far = Speaker(CHAT, answer(Text("fine")))
    body = start.replace(b"%b", MARKER.encode()) + b',"model":"far/m"}'

    async def work() -> None:
        guard = Canary("block", stage="input", parallel=parallel)
        async with wired(tmp_path / "1", providers=[far], hooks=Hooks([guard])) as room:
            with pytest.raises(InvalidRequest, match="a member twice"):
                await asked(room, CHAT, body)
            assert room.gateway.in_flight == 0
        assert far.calls == []
        async with wired(tmp_path / "2", providers=[far]) as room:
            await asked(room, CHAT, body)
        assert len(far.calls) == 1, "where none does it goes on as it came"

    in_loop(work)


def test_what_chooses_and_files_are_not_shown(tmp_path: Path) -> None:
    far = Speaker(CHAT, answer(Text("fine")))
    url = "data:image/png;base64," + "iVBORw0KGgo" * 100
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Hi"}]
    said = [
        {"role": "user", "content": content},
        {"role": "tool", "tool_call_id": "call_1", "content": "T: a {"},
    ]
    fields: dict[str, Any] = {"messages": said, "top_p": 0.5, "stop": ["\n"], "user": None}

    async def work() -> None:
        guard = Canary("block", stage="input")
        async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
            await asked(room, CHAT, request(CHAT, "", **fields))
        assert [one.text for one in guard.seen[0].texts] == ["Hi", "T: a {", "\n"]

    in_loop(work)


GIVEN: dict[str, Any] = {"a": "A", "b": ["B", {"c": "C", "no name": 1}], "n": 2}


class TestVariables:
    def test_every_text_has_a_place_and_can_be_replaced_there(self) -> None:
        told = variables.told(GIVEN)
        assert [(one.place, one.text) for one in told] == [
            (Place("variable", 0), "A"),
            (Place("variable", 1), "B"),
            (Place("variable", 1, "text", 1), "C"),
            (Place("variable", 1, "other"), "no name"),
        ]
        new = variables.retold(GIVEN, {Place("variable", 1, "text", 1): "[hidden]"})
        assert new == {"a": "A", "b": ["B", {"c": "[hidden]", "no name": 1}], "n": 2}
        assert GIVEN["b"][1]["c"] == "C", "what came stays as it was"

    @pytest.mark.parametrize("parallel", [False, True], ids=["before", "beside"])
    @pytest.mark.parametrize("value", [MARKER, [MARKER], {"a": [MARKER]}, {f"a {MARKER}": 1}])
    def test_a_guard_sees_them_however_deep(
        self, tmp_path: Path, value: Any, parallel: bool
    ) -> None:
        far = Speaker(CHAT, answer(Text("fine")))

        async def work() -> None:
            guard = Canary("block", stage="input", parallel=parallel)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                body = request(CHAT, "x", trimtab={"variables": {"name": value}})
                with pytest.raises(Blocked):
                    await asked(room, CHAT, body)

        in_loop(work)


def passing(body: bytes, kind: str = "application/json", method: str = "POST") -> Passing:
    return Passing(method=method, path="/images", content_type=kind, body=body)


PROMPT = json.dumps({"prompt": f"draw {MARKER}", "n": 1}).encode()
FORM = b'--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nhi\r\n--b--\r\n'


class TestPassingOn:
    @pytest.mark.parametrize("on_error", ["open", "closed"])
    @pytest.mark.parametrize("parallel", [False, True], ids=["before", "beside"])
    @pytest.mark.parametrize(
        ("asks", "outcome"),
        [
            (passing(PROMPT), "not this"),
            (passing(b'{"prompt":"%b","prompt":"a"}' % MARKER.encode()), "member twice"),
            (passing(b'{"prompt":"a cat"}'), "pass"),
            (passing(b"", method="GET"), "pass"),
            (passing(FORM, "multipart/form-data; boundary=b"), "unread"),
            (passing(MARKER.encode(), "text/plain"), "unread"),
            (passing(b"[1]"), "unread"),
        ],
    )
    def test_a_json_body_is_read_and_others_only_pass_a_guard_that_is_open(
        self, tmp_path: Path, asks: Passing, outcome: str, parallel: bool, on_error: str
    ) -> None:
        far = Speaker("passthrough")
        far.raw = [b'{"ok":true}']
        refusal = "could not check" if outcome == "unread" and on_error == "closed" else outcome

        async def work() -> None:
            guard = Canary("block", stage="input", parallel=parallel, on_error=on_error)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                if refusal in ("pass", "unread"):
                    given = await room.gateway.pass_on(asks, CALLER, provider="far")
                    await given.chunks.aclose()
                    call, *_ = await room.spans()
                    did = "skipped" if refusal == "unread" else "pass"
                    assert call.attributes["trimtab.guards"][0]["action"] == did
                    return
                with pytest.raises((Blocked, InvalidRequest), match=refusal):
                    await room.gateway.pass_on(asks, CALLER, provider="far")
                assert room.gateway.in_flight == 0
                assert parallel or far.calls == []
                call, *_ = await room.spans()
                assert refusal != "could not check" or not (far.calls or call.input)

        in_loop(work)

    def test_what_a_guard_replaces_is_replaced_in_the_bytes_that_go_on(
        self, tmp_path: Path
    ) -> None:
        far = Speaker("passthrough")
        far.raw = [b'{"ok":true}']
        beside = {"model": "far/m", "n": 1.50, "trimtab": {}, "user": f"u {MARKER}"}
        asks = passing(json.dumps({"prompt": f"draw {MARKER}", **beside}).encode())

        async def work() -> None:
            guard = Canary(stage="input")
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                given = await room.gateway.pass_on(asks, CALLER, provider=None)
                await given.chunks.aclose()
                call, *_ = await room.spans()
            assert [one.place for one in guard.seen[0].texts] == [
                Place("user", 0),
                Place("request", 1, "other"),
            ], "a prompt is what a user says, for guards that only look at those"
            assert call.attributes["trimtab.guards"][0]["action"] == "replace"
            sent = json.loads(far.calls[0].body)
            assert sent == {"model": "m", "prompt": "draw [hidden]", "n": 1.5, "user": "u [hidden]"}
            assert MARKER.encode() not in on_disk(tmp_path)

        in_loop(work)
