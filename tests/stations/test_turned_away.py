"""Requests that are refused before anybody is asked are counted, and some are on record."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.stations.wiring import CALLER, FAR, Script, chat, fails, in_loop, wired

from trimtab.errors import NotFound, ProviderUnavailable, RateLimited
from trimtab.gateway.asker import Askers
from trimtab.gateway.figures import Labels


def test_a_refusal_is_counted_and_on_record_without_what_was_asked(tmp_path: Path) -> None:
    async def work() -> None:
        async with wired(tmp_path, askers=Askers(requests_per_minute=1)) as room:
            await room.ask(chat())
            with pytest.raises(RateLimited):
                await room.ask(chat())
            with pytest.raises(NotFound):
                await room.ask(chat(model="nowhere"))
            spans = await room.spans()
            figures = room.gateway.figures.calls
        refused = [span for span in spans if span.kind == "other"]
        assert [span.attributes["error.code"] for span in refused] == ["rate_limited", "not_found"]
        assert all(span.input is None and span.status == "error" for span in refused)
        assert figures[Labels(CALLER.project, "", "", "rate_limited")].requests == 1
        assert figures[Labels(CALLER.project, "", "", "not_found")].requests == 1

    in_loop(work)


def test_of_very_many_only_some_are_on_record_and_all_are_counted(tmp_path: Path) -> None:
    async def work() -> None:
        async with wired(tmp_path) as room:
            for _ in range(300):
                with pytest.raises(NotFound):
                    await room.ask(chat(model="nowhere"))
            spans = await room.spans()
            counted = room.gateway.figures.calls[Labels(CALLER.project, "", "", "not_found")]
        assert counted.requests == 300
        assert 100 <= len(spans) < 200

    in_loop(work)


def test_a_call_that_failed_is_no_refusal(tmp_path: Path) -> None:
    far = Script()

    async def work() -> None:
        far.play(fails(ProviderUnavailable("it is down")))
        async with wired(tmp_path, providers=[far]) as room:
            with pytest.raises(ProviderUnavailable):
                await room.ask(chat(model=FAR))
            (call,) = await room.spans()
            await asyncio.sleep(0)
        assert call.kind == "llm"

    in_loop(work)
