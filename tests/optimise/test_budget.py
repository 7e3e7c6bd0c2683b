"""No cap is gone beyond, whatever is in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from trimtab.errors import InvalidRequest
from trimtab.kit.clock import SystemClock
from trimtab.optimiser.asking import EXHAUSTED, BudgetedChat
from trimtab.optimiser.budget import Budget
from trimtab.optimiser.caps import Caps, Taken
from trimtab.optimiser.prices import Prices, limit_of, worst_usd
from trimtab.ports import ChatReply
from trimtab.records import Price
from trimtab.records.model import TieredPrice

ONE = Price(input=Decimal(1), output=Decimal(10))


class Teller:
    """Answers after a moment, at a cost that differs from call to call; implements `ports.Chat`."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked = 0
        self.usd = Decimal(0)
        self._fails = fails

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        self.asked += 1
        await asyncio.sleep(0.001 * (self.asked % 3))
        cost = worst_usd(request, ONE) / (1 + self.asked % 4)
        self.usd += cost
        if self._fails:
            return ChatReply(status=500, error="it broke", cost_usd=cost)
        return ChatReply(text="yes", cost_usd=cost)


def ask_many(
    teller: Teller, caps: Caps, *, many: int, taken: Taken | None = None
) -> tuple[list[ChatReply], Budget]:
    async def all_of_them() -> tuple[list[ChatReply], Budget]:
        budget = Budget(caps, SystemClock(), taken)
        chat = BudgetedChat(teller, budget, price_of=lambda _: ONE, max_tokens=50)
        asked = [
            chat.ask({"model": "m", "messages": [{"role": "user", "content": f"{n}" * 40}]})
            for n in range(many)
        ]
        return list(await asyncio.gather(*asked)), budget

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("most", [1, 7, 40])
def test_as_many_calls_are_made_as_there_may_be(most: int, fails: bool) -> None:
    teller = Teller(fails=fails)
    replies, budget = ask_many(teller, Caps(calls=most), many=50)
    assert teller.asked == most == budget.taken.calls
    assert [reply.code for reply in replies].count(EXHAUSTED) == 50 - most


@pytest.mark.parametrize("usd", ["0.0001", "0.002", "0.01", "0.1"])
def test_no_more_dollars_are_spent_than_there_are(usd: str) -> None:
    teller = Teller()
    replies, budget = ask_many(teller, Caps(usd=Decimal(usd)), many=60)
    assert teller.usd <= Decimal(usd)
    assert budget.taken.usd == teller.usd
    if Decimal(usd) > Decimal("0.001"):
        assert teller.asked > 0
    assert len(replies) == 60


def test_dollars_that_come_back_are_spent_on_further_calls() -> None:
    teller = Teller()
    worst = worst_usd({"messages": [{"role": "user", "content": "1" * 40}], "max_tokens": 50}, ONE)
    ask_many(teller, Caps(usd=5 * worst), many=60)
    assert teller.asked > 6, "the calls cost a part of what was set aside for them"


def test_what_earlier_attempts_took_counts() -> None:
    teller = Teller()
    ask_many(teller, Caps(calls=10), many=20, taken=Taken(calls=7))
    assert teller.asked == 3


def test_what_is_held_back_is_there_when_it_is_released() -> None:
    async def work() -> list[bool]:
        budget = Budget(Caps(calls=5), SystemClock())
        budget.hold(calls=3, usd=None, share_of_time=0.0)
        found = [await budget.reserve(None) for _ in range(3)]
        budget.release()
        return found + [await budget.reserve(None) for _ in range(4)]

    assert asyncio.run(work()) == [True, True, False, True, True, True, False]


def test_no_call_lasts_longer_than_the_job_may() -> None:
    class Sleeper(Teller):
        async def ask(self, request: Mapping[str, Any]) -> ChatReply:
            self.asked += 1
            await asyncio.sleep(60)
            raise AssertionError("it was left to sleep")

    teller = Sleeper()
    replies, budget = ask_many(teller, Caps(minutes=0.005), many=3)
    assert all(reply.error for reply in replies)
    assert budget.taken.seconds < 30
    assert budget.left_s is not None
    assert budget.left_s < 0.1


def test_the_same_question_at_the_same_time_is_asked_once() -> None:
    async def work() -> int:
        teller = Teller()
        chat = BudgetedChat(teller, Budget(Caps(calls=5), SystemClock()))
        request = {"model": "m", "messages": [], "max_tokens": 5}
        await asyncio.gather(*(chat.ask(request) for _ in range(5)))
        return teller.asked

    assert asyncio.run(work()) == 1


@pytest.mark.parametrize(
    ("caps", "word"),
    [
        (Caps(), "limit"),
        (Caps(calls=0), "calls"),
        (Caps(usd=Decimal(-1)), "budget_usd"),
        (Caps(minutes=float("nan")), "minutes"),
    ],
)
def test_caps_that_limit_nothing_are_refused(caps: Caps, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        caps.check()


def test_the_dearest_tier_and_bucket_bound_what_a_call_costs() -> None:
    request = {"messages": [{"role": "user", "content": "x" * 1000}], "max_tokens": 10, "n": 2}
    plain = worst_usd(request, ONE)
    assert plain >= (1000 * ONE.input + 20 * ONE.output) / 1_000_000  # type: ignore[operator]
    cached = Price(input=Decimal(1), cache_write_5m=Decimal(2), output=Decimal(10))
    assert worst_usd(request, cached) > plain
    tiered = TieredPrice.of(ONE, above=1, beyond=Price(input=Decimal(9), output=Decimal(90)))
    assert worst_usd(request, tiered) == 9 * plain
    assert limit_of({"max_completion_tokens": 5}) == 5


def test_a_model_without_a_price_is_refused_where_dollars_are_limited() -> None:
    prices = Prices(None)
    prices.require(["openai/gpt-4o-mini"])
    with pytest.raises(InvalidRequest, match="acme/unheard-of has no price"):
        prices.require(["acme/unheard-of"])
