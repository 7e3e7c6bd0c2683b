"""Guards that fail, that are late, and that run beside the call of a model."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.far import compatible
from tests.stations.canary import (
    HIDDEN,
    MARKER,
    Canary,
    Speaker,
    answer,
    pieces,
    read,
    request,
    text_of,
)
from tests.stations.test_hooks import FILTERED, asked, on_disk
from tests.stations.wiring import CALLER, in_loop, wired
from tests.upstream import (
    STREAM_HEAD,
    Upstream,
    chunked,
    error_json,
    hang,
    hang_before_head,
    hang_mid_stream,
)
from tests.waiting import eventually

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Finished, Text
from trimtab.errors import Blocked, ProviderError, TrimtabError
from trimtab.gateway.ask import Passing
from trimtab.gateway.hooks import Hooks
from trimtab.ports import Edit, GuardSubject, Place, Provider, Ruling
from trimtab.records import Usage

CHAT = "openai.chat"
MARKED = request(CHAT, MARKER)


def connected(upstream: Upstream) -> Provider:
    return compatible(upstream.base_url, api_key="k")


def failing(how: str, **settings: Any) -> Canary:
    if how == "late":
        return Canary(waits=asyncio.Event(), budget_ms=20, **settings)
    if how == "unruly":
        return Unruly(**settings)
    return Canary(fails=ValueError(f"cannot read {MARKER}"), **settings)


class Unruly(Canary):
    """Replaces what it was not shown."""

    async def check(self, subject: GuardSubject) -> Ruling:
        return Ruling(action="replace", edits=[Edit(Place("user", 99), 0, 1, "")])


@pytest.mark.parametrize("how", ["raises", "late", "unruly"])
class TestFailures:
    @pytest.mark.parametrize("parallel", [False, True])
    @pytest.mark.parametrize("on_error", ["open", "closed"])
    def test_on_input(
        self,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        how: str,
        on_error: str,
        parallel: bool,
    ) -> None:
        far = Speaker(CHAT, answer(Text("fine")))

        async def work() -> None:
            guard = failing(how, stage="input", on_error=on_error, parallel=parallel)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                if on_error == "closed":
                    with pytest.raises(Blocked, match="could not check"):
                        await asked(room, CHAT, MARKED)
                else:
                    assert text_of(read(CHAT, await asked(room, CHAT, MARKED), stream=False)) == (
                        "fine"
                    )
                assert room.gateway.in_flight == 0
                call, child = await room.spans()
            (entry,) = call.attributes["trimtab.guards"]
            assert entry["action"] == ("timeout" if how == "late" else "error")
            assert entry.get("blocked", False) == (on_error == "closed")
            assert MARKER not in json.dumps(entry) + str(child.error) + caplog.text
            assert (child.kind, child.status) == ("guard", "error")
            if on_error == "closed" and not parallel:
                # Who decides about the record could not do so.
                assert call.input == []
                assert far.calls == []

        caplog.set_level(logging.DEBUG)
        in_loop(work)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("on_error", ["open", "closed"])
    def test_on_output(self, tmp_path: Path, how: str, on_error: str, stream: bool) -> None:
        said = "quite a lot to say, and more"
        far = Speaker(CHAT, answer(*pieces(said, 4)))

        async def work() -> None:
            guard = failing(how, stage="output", on_error=on_error)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                body = await asked(room, CHAT, request(CHAT, "x", stream=stream))
                call, _ = await room.spans()
            parts = read(CHAT, body, stream=stream)
            (entry,) = call.attributes["trimtab.guards"]
            assert entry["action"] == ("timeout" if how == "late" else "error")
            if on_error == "open":
                assert text_of(parts) == said
            else:
                assert text_of(parts) == ""
                assert {p.reason for p in parts if isinstance(p, Finished)} <= FILTERED

        in_loop(work)


class TestSeveral:
    def test_all_are_asked_and_what_they_replace_is_put_together(self, tmp_path: Path) -> None:
        far = Speaker(CHAT, answer(Text("fine")))
        guards = [
            Canary(name="first", stage="input"),
            Canary("flag", name="second", stage="input"),
            Canary(name="third", stage="input"),
            Canary(name="out", stage="output"),
        ]

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=Hooks(guards)) as room:
                await asked(room, CHAT, request(CHAT, f"a {MARKER} b"))
                (call, *_) = await room.spans()
            assert json.loads(far.calls[0].body)["messages"][0]["content"] == f"a {HIDDEN} b"
            told = [(one["name"], one["action"]) for one in call.attributes["trimtab.guards"]]
            assert told == [
                ("first", "replace"),
                ("second", "flag"),
                ("third", "replace"),
                ("out", "pass"),
            ]

        in_loop(work)

    def test_what_is_passed_on_unread_is_skipped_and_said_to_be(self, tmp_path: Path) -> None:
        far = Speaker("passthrough")
        far.raw = [b'{"ok":true}']

        async def work() -> None:
            guard = Canary("block", on_error="open")
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                passing = Passing(
                    method="POST", path="files", content_type="text/plain", body=MARKER.encode()
                )
                given = await room.gateway.pass_on(passing, CALLER, provider="far")
                await given.chunks.aclose()
                (call,) = await room.spans()
            told = call.attributes["trimtab.guards"]
            assert [one["action"] for one in told] == ["skipped", "skipped"]

        in_loop(work)


class TestBeside:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("when", ["before_head", "mid_stream"])
    def test_a_block_cancels_the_call_of_the_provider(
        self, tmp_path: Path, stream: bool, when: str
    ) -> None:
        async def work() -> None:
            async with Upstream() as upstream:
                said = b'data: {"choices":[{"index":0,"delta":{"content":"early"}}]}\n\n'
                upstream.play(
                    hang_before_head() if when == "before_head" else hang_mid_stream(said)
                )
                waits = asyncio.Event()
                guard = Canary("block", stage="input", parallel=True, waits=waits)
                far = connected(upstream)
                async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                    asking = asyncio.create_task(
                        asked(room, CHAT, request(CHAT, MARKER, stream=stream))
                    )
                    await upstream.asked.wait()
                    await asyncio.sleep(0.02)
                    assert not asking.done()
                    waits.set()
                    with pytest.raises(Blocked):
                        await asking
                    await asyncio.wait_for(upstream.client_gone.wait(), 30)
                    assert room.gateway.in_flight == 0
                    call, _ = await room.spans()
            assert call.attributes["trimtab.blocked"] == "canary"
            assert call.status == "error"
            assert MARKER not in json.dumps(call.input)

        in_loop(work)

    @pytest.mark.parametrize("stream", [False, True])
    def test_the_first_byte_waits_for_the_guard_and_then_all_is_passed_on(
        self, tmp_path: Path, stream: bool
    ) -> None:
        async def work() -> None:
            async with Upstream() as upstream:
                waits = asyncio.Event()
                guard = Canary("block", stage="input", parallel=True, waits=waits)
                far = connected(upstream)
                async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                    asking = asyncio.create_task(
                        asked(room, CHAT, request(CHAT, "hello there", stream=stream))
                    )
                    await upstream.asked.wait()
                    await asyncio.sleep(0.05)
                    assert not asking.done()
                    waits.set()
                    parts = read(CHAT, await asking, stream=stream)
                    (call,) = await room.spans()
            assert text_of(parts) == "You said: hello there"
            assert call.attributes["trimtab.guards"][0]["action"] == "pass"

        in_loop(work)

    def test_a_replacement_comes_too_late_and_is_an_error(self, tmp_path: Path) -> None:
        far = Speaker(CHAT, answer(Text("fine")))

        async def work() -> None:
            guard = Canary("replace", stage="input", parallel=True)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                with pytest.raises(Blocked):
                    await asked(room, CHAT, MARKED)
            assert far.calls == [] or far.closed

        in_loop(work)

    def test_a_call_that_fails_first_is_the_error_and_the_guard_is_skipped(
        self, tmp_path: Path
    ) -> None:
        async def work() -> None:
            async with Upstream() as upstream:
                upstream.play(error_json(500, "no such luck"))
                guard = Canary(stage="input", parallel=True, waits=asyncio.Event())
                async with wired(
                    tmp_path, providers=[connected(upstream)], hooks=Hooks([guard])
                ) as room:
                    body = await asked(room, CHAT, MARKED)
                    (call,) = await room.spans()
            assert b"no such luck" in body
            assert call.attributes["trimtab.guards"][0]["action"] == "skipped"

        in_loop(work)


class TestLeaving:
    def test_a_caller_who_leaves_while_a_guard_thinks_leaves_nothing_unseen_on_record(
        self, tmp_path: Path
    ) -> None:
        far = Speaker(CHAT, answer(Text("fine")))

        async def work() -> None:
            guard = Canary(stage="input", waits=asyncio.Event())
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                asking = asyncio.create_task(asked(room, CHAT, MARKED))
                await guard.asked.wait()
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                assert room.gateway.in_flight == 0
                (call,) = await room.spans()
            assert (call.status, call.input) == ("cancelled", [])
            assert far.calls == []
            assert MARKER.encode() not in on_disk(tmp_path)

        in_loop(work)

    @pytest.mark.parametrize("redacts", [True, False])
    def test_half_a_value_at_the_end_of_a_broken_answer_is_not_on_record(
        self, tmp_path: Path, redacts: bool
    ) -> None:
        far = Speaker(CHAT, answer(Text("call 4111 1111 or kim@example.o"), Text("rg")))
        hooks = Hooks([], redact=list if redacts else None)

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                body = request(CHAT, "x", stream=True)
                given = await room.gateway.ask(DIALECTS[CHAT], body, CALLER)
                while b"kim" not in await anext(given.chunks):
                    pass
                await given.chunks.aclose()
                (call,) = await room.spans()
            kept = "[CUT]" if redacts else "kim@example.o"
            assert call.output == [{"role": "assistant", "content": f"call 4111 1111 or {kept}"}]

        in_loop(work)

    def test_a_caller_who_leaves_while_a_guard_runs_beside_leaves_no_call_behind(
        self, tmp_path: Path
    ) -> None:
        async def work() -> None:
            async with Upstream() as upstream:
                upstream.play(
                    [
                        STREAM_HEAD,
                        *chunked(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'),
                        hang,
                    ]
                )
                guard = Canary(stage="input", parallel=True, waits=asyncio.Event())
                async with wired(
                    tmp_path, providers=[connected(upstream)], hooks=Hooks([guard])
                ) as room:
                    body = request(CHAT, "x", stream=True)
                    asking = asyncio.create_task(room.gateway.ask(DIALECTS[CHAT], body, CALLER))
                    await upstream.asked.wait()
                    await asyncio.sleep(0.05)
                    asking.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await asking
                    await asyncio.wait_for(upstream.client_gone.wait(), 30)
                    assert room.gateway.in_flight == 0

        in_loop(work)


def test_the_errors_a_guard_brings_are_of_the_one_tree() -> None:
    assert issubclass(Blocked, TrimtabError)
    assert not issubclass(Blocked, ProviderError)


class TestWhatIsSpentAllTheSame:
    def test_an_answer_that_a_guard_withholds_is_paid_for(self, tmp_path: Path) -> None:
        far = Speaker(CHAT, answer(Text("fine")))

        async def work() -> None:
            waits = asyncio.Event()
            guard = Canary("block", stage="input", parallel=True, waits=waits)
            async with wired(tmp_path, providers=[far], hooks=Hooks([guard])) as room:
                asking = asyncio.create_task(asked(room, CHAT, request(CHAT, MARKER)))
                await eventually(lambda: far.closed, "the answer did not come whole")
                waits.set()
                with pytest.raises(Blocked):
                    await asking
                call, *_ = await room.spans()
            assert call.usage == Usage(input=7, output=5)

        in_loop(work)
