"""Bounds and money of the answer cache: how much, how long, and what a hit costs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.stations.caching import (
    CARD,
    CHAT,
    COST_USD,
    FINISHED,
    ann,
    answered,
    body,
    cached,
    moved,
)
from tests.stations.wiring import (
    STREAM,
    Script,
    fails,
    in_loop,
    replies,
    said,
)

from trimtab.errors import ProviderUnavailable
from trimtab.gateway.admission import Admission
from trimtab.gateway.asker import Askers
from trimtab.gateway.quotas import LocalQuotas
from trimtab.kit.clock import SystemClock
from trimtab.records import Allowance, ApprovedModel, ModelTarget, Span
from trimtab.records.route import CacheSettings, Retries

# -- bounds ------------------------------------------------------------------------------------


def test_an_answer_lives_as_long_as_its_route_says(tmp_path: Path) -> None:
    clock = moved()
    route = msgspec.structs.replace(CHAT, cache=CacheSettings(ttl_s=60))

    async def work() -> None:
        async with cached(tmp_path, route=route, clock=clock) as room:
            room.far.play(replies(answered()), replies(answered()))
            verdicts = []
            for _ in range(4):
                verdicts.append((await room.put(body()))[0])
                clock.seconds += 30
            assert verdicts == ["miss", "hit", "miss", "hit"]
            assert room.cache.counts.answers == 1

    in_loop(work)


def test_the_answers_used_least_recently_give_way_to_new_ones(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path, limit_bytes=1 << 20) as room:
            text = "x" * 50_000
            room.far.play(*[replies(answered(text)) for _ in range(40)])
            for n in range(40):
                await room.put(body(str(n)))
                assert (await room.put(body("0")))[0] == "hit"
                assert room.cache.counts.size_bytes <= 1 << 20
            counts = room.cache.counts
            assert 15 <= counts.answers < 22
            assert counts.size_bytes >= counts.answers * 50_000
            assert (await room.put(body("39")))[0] == "hit"
            room.far.play(replies(answered()))
            assert (await room.put(body("1")))[0] == "miss"

    in_loop(work)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_would_take_more_than_its_share_passes_unkept(
    tmp_path: Path, *, stream: bool
) -> None:
    parts = [said("x" * 1000) for _ in range(70)]
    act = replies(*parts, *FINISHED[1:], headers=STREAM)
    if not stream:
        act = replies(answered("x" * 70_000))

    async def work() -> None:
        async with cached(tmp_path, limit_bytes=1 << 20) as room:
            room.far.play(act)
            verdict, written = await room.put(body(stream=stream))
            assert verdict == "miss"
            assert len(written) > 70_000
            assert room.cache.counts.answers == 0
            assert room.cache.counts.size_bytes == 0

    in_loop(work)


def test_a_cache_of_no_bytes_is_none(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path, limit_bytes=0) as room:
            room.far.play(replies(answered()), replies(answered()))
            assert [(await room.put(body()))[0] for _ in "12"] == [None, None]

    in_loop(work)


def test_answers_of_one_route_or_of_all_can_be_forgotten(tmp_path: Path) -> None:
    other = msgspec.structs.replace(CHAT, name="other")

    async def work() -> None:
        async with cached(tmp_path, routes=[CHAT, other]) as room:
            room.far.play(*[replies(answered()) for _ in range(4)])
            for model in ("chat", "other"):
                await room.put(body(model=model))
            assert room.cache.clear("elsewhere") == 0
            assert room.cache.clear("default", "chat") == 1
            assert (await room.put(body(model="other")))[0] == "hit"
            assert (await room.put(body()))[0] == "miss"
            assert room.cache.clear("default") == 2
            assert room.cache.counts.size_bytes == 0

    in_loop(work)


# -- money -------------------------------------------------------------------------------------


def total(spans: list[Span], of: Callable[[Span], Any]) -> Any:
    return sum(of(span) or 0 for span in spans)


@pytest.mark.parametrize("stream", [True, False])
def test_a_hit_costs_nothing_and_says_what_it_saved(tmp_path: Path, *, stream: bool) -> None:
    clock = SystemClock()
    quotas = LocalQuotas(clock)
    allowance = Allowance(
        kind="key", name="k", monthly_usd=Decimal(100), tokens_per_minute=1_000_000
    )
    limited = Allowance(kind="user", name="u", requests_per_minute=100)
    askers = Askers((allowance, limited))
    act = replies(*FINISHED, headers=STREAM) if stream else replies(answered())
    caller = ann(key="k", key_user="u")

    async def work() -> None:
        async with cached(tmp_path, quotas=quotas, askers=askers) as room:
            room.far.play(act)
            for _ in range(4):
                await room.put(body(stream=stream), caller)
            miss, *hits = await room.spans()
            assert (miss.cost_usd, miss.usage and miss.usage.output) == (COST_USD, 2)
            for hit in hits:
                assert (hit.cost_usd, hit.cost_source, hit.usage) == (0, "given", None)
                assert hit.attributes["trimtab.cache.usage"]["output"] == 2
                assert hit.attributes["trimtab.cache.saved_usd"] == str(miss.cost_usd)
                assert (hit.model, hit.route, hit.status) == ("far/m", "chat", "ok")
            asker = askers.asker("default", key="k", user="u", team=None, principal="tester")
            admission = Admission(askers, quotas, clock)
            used = {state.limit: state.used for state in await admission.explain(asker)}
            assert used["monthly_usd"] == total([miss, *hits], lambda span: span.cost_usd)
            assert used["monthly_usd"] == COST_USD
            assert used["tokens_per_minute"] <= 5
            assert used["requests_per_minute"] > 3  # they count, and refill all the time
            (sums,) = room.gateway.figures.calls.values()
            assert (sums.hits, sums.misses, sums.saved_usd) == (3, 1, 3 * COST_USD)
            assert (sums.cost_usd, sums.output, sums.unpriced) == (COST_USD, 2, 0)

    in_loop(work)


def test_a_hit_whose_caller_leaves_is_on_record_and_free(tmp_path: Path) -> None:
    async def work() -> None:
        async with cached(tmp_path) as room:
            room.far.play(replies(*FINISHED, headers=STREAM))
            await room.put(body(stream=True))
            answer = await room.start(body(stream=True), ann())
            await answer.chunks.aclose()
            _, hit = await room.spans()
            assert (hit.status, hit.cost_usd, hit.usage) == ("cancelled", 0, None)
            assert room.gateway.in_flight == 0

    in_loop(work)


def test_an_answer_of_a_model_that_is_no_longer_approved_is_not_given(tmp_path: Path) -> None:
    route = msgspec.structs.replace(
        CHAT,
        targets=(ModelTarget(model="near/m"),),
        fallbacks=("far/m",),
        retries=Retries(attempts=1),
    )
    near, far = Script("near"), Script(cards=[CARD])
    approved = Askers((), [ApprovedModel(model="near/*")])

    async def work() -> None:
        async with cached(tmp_path, near, far, route=route) as room:
            near.play(fails(ProviderUnavailable("away")), replies(answered("near")))
            far.play(replies(answered("far")))
            assert await room.put(body()) == ("miss", answered("far"))
            assert await room.put(body()) == ("hit", answered("far"))
            room.gateway._admission.askers = approved
            assert await room.put(body()) == ("miss", answered("near"))
            assert await room.put(body()) == ("hit", answered("near"))

    in_loop(work)
