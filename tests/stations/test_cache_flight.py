"""Equal requests at once: one asks, the others wait, and nobody is lost when that one is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import upstream as play
from tests.far import compatible
from tests.stations.caching import CARD, CHAT, FINISHED, Cached, ann, answered, body, cached
from tests.stations.wiring import STREAM, Act, fails, in_loop, replies, said
from tests.upstream import Upstream, chat_completion, chat_events
from tests.waiting import eventually

from trimtab.errors import ProviderError, ProviderTimeout, ProviderUnavailable, TrimtabError
from trimtab.ports import Reply
from trimtab.records.route import Timeouts

FAILED = fails(ProviderUnavailable("away"))
Put = tuple[str | None, bytes]


def later(gate: asyncio.Event, act: Act) -> Act:
    """What `act` does, once the gate is open."""

    async def wait() -> Reply:
        await gate.wait()
        return await act()

    return wait


def halting(gate: asyncio.Event, *parts: bytes) -> Act:
    """A stream that says its first part, and the rest once the gate is open."""

    async def chunks() -> AsyncIterator[bytes]:
        yield parts[0]
        await gate.wait()
        for part in parts[1:]:
            yield part

    async def act() -> Reply:
        return Reply(status=200, headers=STREAM, chunks=chunks())

    return act


def called(room: Cached, times: int) -> bool:
    return len(room.far.calls) == times


async def queued(room: Cached, count: int, **options: Any) -> list[asyncio.Task[Put]]:
    """Equal requests of which the first has been sent, and all are in flight."""
    tasks = [asyncio.create_task(room.put(body(**options))) for _ in range(count)]
    await eventually(lambda: room.gateway.in_flight == count and bool(room.far.calls))
    await asyncio.sleep(0.02)
    return tasks


@pytest.mark.parametrize("stream", [True, False])
def test_of_fifty_equal_requests_one_goes_to_the_provider(tmp_path: Path, *, stream: bool) -> None:
    gate = asyncio.Event()
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream_options": {"include_usage": True},
    }
    answer = chat_completion(request)
    if stream:
        first, *rest = play.chunked(*chat_events(request))
        answer = [play.STREAM_HEAD, first, play.once(gate), *rest, play.LAST_CHUNK]
    else:
        answer = [play.once(gate), *answer]

    async def work() -> None:
        async with Upstream() as upstream:
            upstream.play(answer)
            far = compatible(upstream.base_url, cards=(CARD,))
            async with cached(tmp_path, far) as room:
                asked = body(stream=stream)
                tasks = [asyncio.create_task(room.put(asked)) for _ in range(50)]
                await eventually(lambda: room.gateway.in_flight == 50 and bool(upstream.requests))
                gate.set()
                found = await asyncio.gather(*tasks)
                assert len(upstream.requests) == 1
                assert [verdict for verdict, _ in found].count("miss") == 1
                assert [verdict for verdict, _ in found].count("hit") == 49
                assert len({written for _, written in found}) == 1
                spans = await room.spans()
                assert len(spans) == 50
                paid = [span for span in spans if span.cost_usd]
                assert len(paid) == 1
                assert len(room.cache.flights) == 0

    in_loop(work)


def test_different_requests_and_different_users_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            room.far.play(later(gate, replies(answered("1"))), *[replies(answered("2"))] * 1)
            (task,) = await queued(room, 1)
            assert (await room.put(body(), ann(user="bob")))[1] == answered("2")
            room.far.play(replies(answered("3")))
            assert (await room.put(body("else")))[1] == answered("3")
            assert not task.done()
            gate.set()
            assert (await task)[1] == answered("1")

    in_loop(work)


@pytest.mark.parametrize("stream", [True, False])
def test_when_the_one_that_asks_goes_away_another_takes_over(
    tmp_path: Path, *, stream: bool
) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            whole = replies(*FINISHED, headers=STREAM) if stream else replies(answered())
            never = halting(gate, said("Hel")) if stream else later(gate, whole)
            room.far.play(never, whole)
            first, *others = await queued(room, 5, stream=stream)
            first.cancel()
            found = await asyncio.gather(*others)
            assert len(room.far.calls) == 2
            assert sorted(str(verdict) for verdict, _ in found) == ["hit", "hit", "hit", "miss"]
            assert len({written for _, written in found}) == 1
            with suppress(asyncio.CancelledError):
                await first
            statuses = sorted(span.status for span in await room.spans())
            assert statuses == ["cancelled", "ok", "ok", "ok", "ok"]
            assert (room.gateway.in_flight, len(room.cache.flights)) == (0, 0)

    in_loop(work)


@pytest.mark.parametrize("stream", [True, False])
def test_going_away_is_no_failure_however_many_do(tmp_path: Path, *, stream: bool) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            whole = replies(*FINISHED, headers=STREAM) if stream else replies(answered())
            never = halting(gate, said("Hel")) if stream else later(gate, whole)
            room.far.play(never, never, never, later(gate, whole))
            tasks = await queued(room, 7, stream=stream)
            for asked in range(1, 4):
                await eventually(partial(called, room, asked))
                await asyncio.sleep(0.01)
                tasks[asked - 1].cancel()
            await eventually(lambda: len(room.far.calls) == 4)
            gate.set()
            found = await asyncio.gather(*tasks[3:])
            assert [verdict for verdict, _ in found] == ["miss", "hit", "hit", "hit"]

    in_loop(work)


def test_one_that_waits_can_go_away_without_harm_to_the_others(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            room.far.play(later(gate, replies(answered())))
            first, second, third = await queued(room, 3)
            second.cancel()
            await asyncio.wait([second])
            assert second.cancelled()
            gate.set()
            assert [(await task)[0] for task in (first, third)] == ["miss", "hit"]

    in_loop(work)


def test_after_a_failure_one_tries_next_and_the_others_have_its_answer(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            room.far.play(later(gate, FAILED), replies(answered()))
            first, *others = await queued(room, 10)
            gate.set()
            with pytest.raises(ProviderUnavailable):
                await first
            found = await asyncio.gather(*others)
            assert [verdict for verdict, _ in found].count("miss") == 1
            assert len(room.far.calls) == 2

    in_loop(work)


def test_after_two_failures_the_rest_ask_for_themselves_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate, open_ = asyncio.Event(), asyncio.Event()
            room.far.play(later(gate, FAILED), FAILED)
            room.far.play(*[later(open_, replies(answered())) for _ in range(8)])
            tasks = await queued(room, 10)
            gate.set()
            await eventually(lambda: len(room.far.calls) == 10)  # none waits for another
            open_.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert sum(isinstance(one, ProviderError) for one in found) == 2
            assert len(room.cache.flights) == 0

    in_loop(work)


def test_an_answer_that_cannot_be_shared_makes_nobody_wait_twice(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate, open_ = asyncio.Event(), asyncio.Event()
            filtered = replies(answered(reason="content_filter"))
            room.far.play(later(gate, filtered))
            room.far.play(
                *[later(open_, replies(answered(reason="content_filter"))) for _ in range(5)]
            )
            tasks = await queued(room, 6)
            gate.set()
            await eventually(lambda: len(room.far.calls) == 6)
            open_.set()
            assert {verdict for verdict, _ in await asyncio.gather(*tasks)} == {"miss"}

    in_loop(work)


def test_one_that_does_not_want_what_is_stored_waits_for_nobody(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            room.far.play(later(gate, replies(answered("1"))), replies(answered("2")))
            (task,) = await queued(room, 1)
            found = await room.put(body(), ann(cache_control="no-cache"))
            assert found == ("miss", answered("2"))
            gate.set()
            await task

    in_loop(work)


@pytest.mark.parametrize("stream", [True, False])
def test_waiting_ends_with_the_time_of_the_one_that_waits(tmp_path: Path, *, stream: bool) -> None:
    limits = Timeouts(first_token_s=0.6, idle_s=20, total_s=0.6)
    if stream:
        limits = msgspec.structs.replace(limits, total_s=20)
    route = msgspec.structs.replace(CHAT, timeouts=limits)

    async def work() -> None:
        async with cached(tmp_path, route=route) as room:
            gate = asyncio.Event()
            room.far.play(halting(gate, *FINISHED), replies(*FINISHED, headers=STREAM))
            first = await room.start(body(stream=True), ann())
            if stream:
                # The other is still at it, so this one goes for itself.
                assert (await room.put(body(stream=True)))[0] == "miss"
                assert len(room.far.calls) == 2
            else:
                with pytest.raises(ProviderTimeout, match="same request"):
                    await room.put(body(stream=False))
                assert len(room.far.calls) == 1
            gate.set()
            assert b"[DONE]" in b"".join([chunk async for chunk in first.chunks])
            await first.chunks.aclose()
            assert len(room.cache.flights) == 0

    in_loop(work)


def test_what_was_asked_before_the_cache_was_emptied_is_not_in_it_afterwards(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            gate = asyncio.Event()
            room.far.play(later(gate, replies(answered("old"))), replies(answered("new")))
            (task,) = await queued(room, 1)
            room.cache.clear("default")
            assert await room.put(body()) == ("miss", answered("new"))
            gate.set()
            assert (await task)[1] == answered("old")
            assert await room.put(body()) == ("hit", answered("new"))

    in_loop(work)


def test_whatever_happens_to_the_one_that_asks_everybody_gets_an_answer(tmp_path: Path) -> None:
    """Cancelled at any point of its way, it leaves nothing behind that somebody waits for."""

    async def once(room: Cached, steps: int) -> None:
        async def three() -> Reply:
            for _ in range(3):
                await asyncio.sleep(0)
            return await replies(*FINISHED, headers=STREAM)()

        room.far.play(three, three)
        asked = body(str(steps), stream=True)
        first = asyncio.create_task(room.put(asked))
        second = asyncio.create_task(room.put(asked))
        for _ in range(steps):
            await asyncio.sleep(0)
        first.cancel()
        assert b"[DONE]" in (await second)[1]
        with suppress(asyncio.CancelledError, TrimtabError):
            await first
        room.far._acts.clear()

    async def work() -> None:
        async with cached(tmp_path) as room:
            for steps in range(25):
                await once(room, steps)
            assert (room.gateway.in_flight, len(room.cache.flights)) == (0, 0)

    in_loop(work)
