"""Admission: all limits of all nodes or none, one settlement, the period of the admission."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import Forbidden, RateLimited
from trimtab.gateway.admission import Admission, Reservation
from trimtab.gateway.asker import Asker, Askers
from trimtab.gateway.estimates import Estimate, Estimates, cost_nano_usd
from trimtab.gateway.leases import LeasedQuotas
from trimtab.gateway.quotas import LocalQuotas
from trimtab.gateway.wanted import Wanted
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Spend, SpendKey
from trimtab.records import Allowance, ApprovedModel, Price, TieredPrice, Usage, cost_usd
from trimtab.stores.limits.memory import MemoryLimiter

T = TypeVar("T")
NOON_NS = 1_763_726_400_000_000_000  # 2025-11-21T12:00:00Z
HOUR_NS = 3600 * NS_PER_S
USD = 10**9


class ManualClock:
    def __init__(self) -> None:
        self.ns = NOON_NS

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns


class Room:
    """Admission with the allowances of a test, over quotas of one process or of several."""

    def __init__(self, *allowances: Allowance, shared: bool = False, **known: Any) -> None:
        self.clock = ManualClock()
        self.memory = MemoryLimiter(self.clock)
        self.quotas = (
            LeasedQuotas(self.memory, self.clock, workers=2) if shared else LocalQuotas(self.clock)
        )
        self.admission = Admission(Askers(allowances, **known), self.quotas, self.clock)

    def asker(self, **names: Any) -> Asker:
        return self.admission.askers.asker("default", **{"key": "k", **names})

    async def ask(self, **wanted: Any) -> Reservation:
        names = {name: wanted.pop(name) for name in ("key", "user", "team") if name in wanted}
        return await self.admission.reserve(
            self.asker(**names), Wanted(wanted.pop("model", "m"), **wanted)
        )

    async def refusal(self, **wanted: Any) -> RateLimited:
        with pytest.raises(RateLimited) as caught:
            await self.ask(**wanted)
        return caught.value

    async def used(self, **names: Any) -> dict[str, Decimal]:
        """What is used, by `node limit`."""
        states = await self.admission.explain(self.asker(**names))
        return {f"{state.node} {state.limit}": state.used for state in states}


def in_loop(work: Callable[[], Awaitable[T]]) -> T:
    async def timed() -> T:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(timed())


async def settled() -> None:
    """What goes on behind an answer is done after a few turns of the loop."""
    for _ in range(100):
        await asyncio.sleep(0)


def full(kind: Any = "key", name: str = "k", **changes: Any) -> Allowance:
    """An allowance with every limit."""
    limits = {
        "daily_usd": Decimal(10),
        "monthly_usd": Decimal(100),
        "requests_per_minute": 60,
        "tokens_per_minute": 6_000,
        "concurrency": 5,
    }
    return Allowance(kind=kind, name=name, **{**limits, **changes})


@pytest.fixture(params=[False, True], ids=["one process", "several"])
def shared(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "wanted", "admitted", "retry_after_s"),
        [
            ({"requests_per_minute": 3}, {}, 3, 20.0),
            ({"tokens_per_minute": 600}, {"tokens": 200}, 3, 20.0),
            ({"concurrency": 2}, {}, 2, 1.0),
            ({"daily_usd": Decimal(1)}, {"cost_nano_usd": USD // 4}, 4, 12 * 3600.0),
            ({"monthly_usd": Decimal(1)}, {"cost_nano_usd": USD // 4}, 4, 9.5 * 86_400),
            ({"daily_usd": Decimal(0)}, {"cost_nano_usd": 1}, 0, 12 * 3600.0),
        ],
    )
    def test_a_limit_lets_through_what_it_says_and_then_says_when(
        self,
        shared: bool,
        limit: dict[str, Any],
        wanted: dict[str, Any],
        admitted: int,
        retry_after_s: float,
    ) -> None:
        async def work() -> None:
            room = Room(Allowance(kind="key", name="k", **limit), shared=shared)
            for _ in range(admitted):
                await room.ask(**wanted)
            error = await room.refusal(**wanted)
            [name] = limit
            assert error.fields["limit"] == name
            assert error.fields["node"].label == error.where == "key k"
            assert error.fields["retry_after_s"] == pytest.approx(retry_after_s, rel=0.01)
            assert error.fields["should_retry"] is not name.endswith("usd")
            assert (error.code == "budget_exceeded") is name.endswith("usd")
            assert error.fix
            await room.quotas.aclose()

        in_loop(work)

    @pytest.mark.parametrize("kind", ["key", "user", "team", "project"])
    def test_each_node_limits(self, kind: Any) -> None:
        async def work() -> None:
            name = {"key": "k", "user": "ann", "team": "web", "project": "default"}[kind]
            room = Room(Allowance(kind=kind, name=name, requests_per_minute=1))
            who = {"user": "ann", "team": "web"}
            await room.ask(**who)
            assert (await room.refusal(**who)).fields["node"].label == f"{kind} {name}"
            if kind != "project":
                await room.ask(**{kind: "other"} if kind == "key" else {})

        in_loop(work)

    def test_an_allowance_for_each_counts_for_each_alone(self) -> None:
        async def work() -> None:
            room = Room(Allowance(kind="key", name="*", requests_per_minute=1))
            for key in ("a", "b"):
                await room.ask(key=key)
                assert (await room.refusal(key=key)).fields["node"].label == f"key {key}"

        in_loop(work)

    def test_every_principal_has_the_limit_of_the_configuration(self) -> None:
        async def work() -> None:
            room = Room(requests_per_minute=1)
            asker = room.admission.askers.asker("default", principal="local")
            await room.admission.reserve(asker, Wanted("m"))
            with pytest.raises(RateLimited, match="principal local"):
                await room.admission.reserve(asker, Wanted("m"))

        in_loop(work)

    def test_who_waits_as_told_is_let_through(self) -> None:
        async def work() -> None:
            room = Room(Allowance(kind="key", name="k", tokens_per_minute=600))
            await room.ask(tokens=600)
            error = await room.refusal(tokens=100)
            room.clock.ns += int(error.fields["retry_after_s"] * NS_PER_S) + 1
            await room.ask(tokens=100)

        in_loop(work)

    def test_a_request_larger_than_a_bucket_takes_all_of_it_and_owes_the_rest(
        self, shared: bool
    ) -> None:
        async def work() -> None:
            room = Room(Allowance(kind="key", name="k", tokens_per_minute=600), shared=shared)
            reservation = await room.ask(tokens=5_000)
            reservation.settle(Usage(input=700, output=500), None)
            await settled()
            assert (await room.used())["key k tokens_per_minute"] == 1_200
            assert (await room.refusal(tokens=1)).fields["retry_after_s"] == pytest.approx(60, 0.05)
            await room.quotas.aclose()

        in_loop(work)


class TestAllOrNothing:
    @pytest.mark.parametrize(
        "limit",
        [
            {"requests_per_minute": 1},
            {"tokens_per_minute": 100},
            {"concurrency": 1},
            {"daily_usd": Decimal("0.1")},
        ],
        ids=lambda limit: next(iter(limit)),
    )
    def test_what_was_taken_is_returned_when_a_later_node_refuses(
        self, shared: bool, limit: dict[str, Any]
    ) -> None:
        async def work() -> None:
            room = Room(
                full(),
                full("team", "web"),
                Allowance(kind="project", name="default", **limit),
                shared=shared,
            )
            who = {"team": "web", "tokens": 100, "cost_nano_usd": USD // 10}
            await room.ask(**who)
            before = await room.used(team="web")
            for _ in range(3):
                assert (await room.refusal(**who)).fields["node"].label == "project default"
            await settled()
            assert await room.used(team="web") == before
            await room.quotas.aclose()

        in_loop(work)

    def test_a_request_cancelled_while_it_waits_holds_nothing(self) -> None:
        async def work() -> None:
            room = Room(full(), shared=True)
            asking = [asyncio.create_task(room.ask(tokens=10, cost_nano_usd=5)) for _ in range(3)]
            await asyncio.sleep(0)
            for task in asking:
                task.cancel()
            done = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in done)
            await room.quotas.aclose()
            assert set((await room.used()).values()) == {Decimal(0)}

        in_loop(work)


class TestSettlement:
    def test_real_use_takes_the_place_of_the_estimate_once(self, shared: bool) -> None:
        async def work() -> None:
            room = Room(full(), shared=shared)
            reservation = await room.ask(tokens=1_000, cost_nano_usd=2 * USD)
            for _ in range(2):
                reservation.settle(Usage(input=10, cache_read=20, output=30), Decimal("0.25"))
            await settled()
            assert await room.used() == {
                "key k requests_per_minute": 1,
                "key k tokens_per_minute": 60,
                "key k concurrency": 0,
                "key k daily_usd": Decimal("0.25"),
                "key k monthly_usd": Decimal("0.25"),
            }
            await room.quotas.aclose()

        in_loop(work)

    def test_a_request_that_no_model_answered_costs_its_request_only(self, shared: bool) -> None:
        async def work() -> None:
            room = Room(full(), shared=shared)
            (await room.ask(tokens=1_000, cost_nano_usd=USD)).settle(None, None)
            await settled()
            used = await room.used()
            assert used.pop("key k requests_per_minute") == 1
            assert set(used.values()) == {Decimal(0)}
            await room.quotas.aclose()

        in_loop(work)

    def test_use_beyond_the_estimate_is_counted_also_beyond_the_budget(self, shared: bool) -> None:
        async def work() -> None:
            room = Room(Allowance(kind="key", name="k", daily_usd=Decimal(1)), shared=shared)
            (await room.ask(cost_nano_usd=1)).settle(Usage(input=1), Decimal("1.5"))
            await settled()
            assert await room.used() == {"key k daily_usd": Decimal("1.5")}
            await room.refusal(cost_nano_usd=USD // 100 + 1)  # more than a lease can hold
            await room.quotas.aclose()

        in_loop(work)

    def test_a_budget_counts_what_was_under_way_when_it_was_set(self, shared: bool) -> None:
        async def work() -> None:
            room = Room(Allowance(kind="team", name="web", daily_usd=Decimal(9)), shared=shared)
            before = await room.ask(team="web", cost_nano_usd=USD)
            failed = await room.ask(team="web", cost_nano_usd=USD)
            room.admission.askers = Askers(
                [full("team", "web"), Allowance(kind="key", name="k", daily_usd=Decimal(5))]
            )
            after = await room.ask(team="web", cost_nano_usd=USD)
            before.settle(Usage(input=1), Decimal("0.25"))
            failed.settle(None, None)
            after.settle(Usage(input=1), Decimal("0.5"))
            await settled()
            used = await room.used(team="web")
            names = ("key k daily_usd", "team web daily_usd", "team web monthly_usd")
            assert {used[name] for name in names} == {Decimal("0.75")}
            await room.quotas.aclose()

        in_loop(work)

    def test_what_ends_after_midnight_counts_for_the_day_and_month_of_its_admission(self) -> None:
        async def work() -> None:
            room = Room(full(daily_usd=Decimal(1), monthly_usd=Decimal(1)))
            room.clock.ns += 9 * 24 * HOUR_NS + 11 * HOUR_NS  # 23:00 on the last day of the month
            late = await room.ask(cost_nano_usd=USD)
            await room.refusal(cost_nano_usd=USD)
            room.clock.ns += 2 * HOUR_NS
            assert late.day == "2025-11-30"
            new = await room.ask(cost_nano_usd=USD)
            late.settle(Usage(input=1), Decimal("0.1"))
            await room.refusal(cost_nano_usd=1)
            new.settle(Usage(input=1), Decimal("0.2"))
            used = await room.used()
            assert used["key k daily_usd"] == used["key k monthly_usd"] == Decimal("0.2")

        in_loop(work)

    def test_a_budget_begins_where_the_records_say(self) -> None:
        async def work() -> None:
            spent = {
                SpendKey("default", "key", "k", "2025-11-21"): Spend(cost_nano_usd=4 * USD),
                SpendKey("default", "key", "k", "2025-11"): Spend(cost_nano_usd=99 * USD),
            }
            room = Room(full(), spent=spent)
            error = await room.refusal(cost_nano_usd=2 * USD)
            assert error.fields["limit"] == "monthly_usd"
            await room.ask(cost_nano_usd=USD)

        in_loop(work)

    @settings(max_examples=60, deadline=None)
    @given(
        shared=st.booleans(),
        calls=st.lists(
            st.tuples(st.integers(0, 3 * USD), st.integers(0, 3 * USD), st.integers(0, 3)),
            max_size=40,
        ),
    )
    def test_budgets_are_the_sum_of_what_was_settled(
        self, shared: bool, calls: list[tuple[int, int, int]]
    ) -> None:
        """In any order of admissions and ends; places are all free again in the end."""

        async def work() -> None:
            room = Room(full(), full("team", "web", concurrency=3), shared=shared)
            running: list[tuple[Reservation, int]] = []
            total = 0
            for estimate, real, ends in calls:
                try:
                    got = await room.ask(team="web", cost_nano_usd=estimate, tokens=10)
                    running.append((got, real))
                    total += real
                except RateLimited:
                    room.clock.ns += 30 * NS_PER_S
                for _ in range(min(ends, len(running))):
                    done, cost = running.pop(0)
                    done.settle(Usage(input=10), Decimal(cost) / USD)
            for done, cost in running:
                done.settle(Usage(input=10), Decimal(cost) / USD)
            await room.quotas.aclose()
            used = await room.used(team="web")
            for node in ("key k", "team web"):
                assert used[f"{node} daily_usd"] == used[f"{node} monthly_usd"]
                assert used[f"{node} monthly_usd"] == Decimal(total) / USD
                assert used[f"{node} concurrency"] == 0

        in_loop(work)


class TestPlaces:
    def test_places_of_a_worker_that_died_are_free_again_and_those_of_others_are_not(self) -> None:
        async def work() -> None:
            alive, dead = Room(full(), shared=True), Room(full(), shared=True)
            dead.quotas._limiter = alive.memory
            for _ in range(2):
                await alive.ask()
            for _ in range(3):
                await dead.ask()
            assert (await alive.refusal()).fields["limit"] == "concurrency"
            alive.clock.ns += HOUR_NS
            held = [await alive.ask() for _ in range(3)]
            assert (await alive.refusal()).fields["limit"] == "concurrency"
            held[0].settle(None, None)
            await alive.ask()
            await alive.quotas.aclose()
            await dead.quotas.aclose()

        in_loop(work)


class TestModels:
    @pytest.mark.parametrize(
        ("allowances", "names", "model", "says"),
        [
            ([], {"models": ("openai/*",)}, "openai/o3", None),
            ([], {"models": ("openai/*",)}, "anthropic/opus", "key k"),
            ([], {"models": ()}, "support", "key k"),
            ([full("team", "web", models=("support",))], {"team": "web"}, "support", None),
            ([full("team", "web", models=("support",))], {"team": "web"}, "Support", "team web"),
            (
                [full(models=("*",)), full("project", "default", models=("a[12]",))],
                {},
                "a3",
                "project default",
            ),
        ],
    )
    def test_a_name_must_be_allowed_by_the_key_and_all_its_nodes(
        self, allowances: list[Allowance], names: Any, model: str, says: str | None
    ) -> None:
        async def work() -> None:
            room = Room(*allowances)
            for _ in range(2):
                if says is None:
                    await room.admission.reserve(room.asker(**names), Wanted(model))
                    continue
                with pytest.raises(Forbidden) as caught:
                    await room.admission.reserve(room.asker(**names), Wanted(model))
                assert caught.value.fields["node"].label == says

        in_loop(work)

    def test_a_refusal_names_what_is_nearest(self) -> None:
        async def work() -> None:
            room = Room(full(models=("openai/gpt-4o", "anthropic/*", "support")))
            with pytest.raises(Forbidden) as caught:
                await room.ask(model="openai/gpt-4")
            assert caught.value.fields["allowed"][0] == "openai/gpt-4o"
            assert "support" in str(caught.value)

        in_loop(work)

    def test_only_approved_models_are_called_until_their_last_day(self) -> None:
        async def work() -> None:
            approved = [
                ApprovedModel(model="openai/*", expires="2025-11-21"),
                ApprovedModel(model="openai/o3"),
                ApprovedModel(project="other", model="x"),
            ]
            room = Room(approved=approved)
            await room.ask(models=["openai/gpt-4o", "openai/o3"])
            with pytest.raises(Forbidden, match="not an approved model") as caught:
                await room.ask(models=["openai/o3", "anthropic/opus"])
            assert "openai/o3" in caught.value.fields["allowed"]
            room.clock.ns += 24 * HOUR_NS
            await room.ask(models=["openai/o3"])
            with pytest.raises(Forbidden, match="its approval ended on 2025-11-21"):
                await room.ask(models=["openai/gpt-4o"])

        in_loop(work)

    @pytest.mark.parametrize(
        ("changes", "refused"),
        [
            ({"unpriced": "deny"}, True),
            ({"unpriced": "allow"}, False),
            ({"unpriced": "deny", "daily_usd": None, "monthly_usd": None}, True),
        ],
    )
    def test_a_model_without_a_price_is_for_the_policy(self, changes: Any, refused: bool) -> None:
        async def work() -> None:
            room = Room(full(**changes))
            if refused:
                with pytest.raises(Forbidden, match="no known price"):
                    await room.ask(cost_nano_usd=None)
            else:
                (await room.ask(cost_nano_usd=None)).settle(Usage(input=1), None)

        in_loop(work)

    def test_what_is_free_passes_a_spent_budget(self) -> None:
        async def work() -> None:
            room = Room(full(daily_usd=Decimal(0)))
            await room.ask(cost_nano_usd=0)

        in_loop(work)


class TestHeaders:
    def test_the_tightest_limits_are_told_in_openai_s_form(self) -> None:
        async def work() -> None:
            room = Room(full(), full("project", "default", requests_per_minute=30))
            headers = (await room.ask(tokens=1_500)).headers
            assert headers == {
                "x-ratelimit-limit-requests": "30",
                "x-ratelimit-remaining-requests": "29",
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-limit-tokens": "6000",
                "x-ratelimit-remaining-tokens": "4500",
                "x-ratelimit-reset-tokens": "15s",
            }

        in_loop(work)

    def test_a_budget_past_its_soft_limit_is_told(self) -> None:
        async def work() -> None:
            room = Room(full("team", "wéb\n", daily_usd=Decimal(1), soft=0.5))
            first = await room.ask(team="wéb\n", cost_nano_usd=USD * 4 // 10)
            assert "x-trimtab-budget-warning" not in first.headers
            second = await room.ask(team="wéb\n", cost_nano_usd=USD * 4 // 10)
            warning = second.headers["x-trimtab-budget-warning"]
            assert warning == "team w?b? daily_usd=$0.80/$1.00"

        in_loop(work)

    def test_without_limits_there_is_nothing_to_tell(self) -> None:
        async def work() -> None:
            assert (await Room().ask()).headers == {}

        in_loop(work)


class TestExplanation:
    def test_every_limit_is_told_with_the_tightest_first(self) -> None:
        async def work() -> None:
            room = Room(full(), full("project", "default", daily_usd=Decimal(4)))
            await room.ask(cost_nano_usd=3 * USD)
            states = await room.admission.explain(room.asker())
            assert len(states) == 10
            first = states[0]
            assert (first.node, first.limit) == ("project default", "daily_usd")
            assert (first.capacity, first.used, first.left) == (4, 3, 1)
            assert first.resets_in_s == 12 * 3600
            assert {s.limit for s in states if s.resets_in_s is None} == {"concurrency"}

        in_loop(work)


class TestEstimates:
    def test_answers_are_expected_to_be_as_long_as_nearly_all_were(self) -> None:
        estimates = Estimates()
        for tokens in range(200, 0, -1):
            estimates.observe("m", tokens)
        # The latest are 1 to 128, and 122 is the ceil(0.95 * 128)-th of them.
        assert estimates.of("m", text_bytes=10, max_tokens=None) == Estimate(3, 122)
        assert estimates.of("m", text_bytes=10, max_tokens=50) == Estimate(3, 50)

    @pytest.mark.parametrize("max_tokens", [None, 77])
    def test_before_any_answer_the_callers_limit_is_taken(self, max_tokens: int | None) -> None:
        estimate = Estimates().of("m", text_bytes=0, max_tokens=max_tokens)
        assert estimate == Estimate(0, max_tokens or 1_000)

    @pytest.mark.parametrize("choices", [0, 1, 7])
    def test_so_many_answers_are_so_many_times_as_long(self, choices: int) -> None:
        async def work() -> None:
            room = Room()
            estimates = room.admission.estimates
            first = estimates.of("m", text_bytes=4, max_tokens=None, choices=choices)
            assert first == Estimate(1, 1_000 * choices)
            for _ in range(20):
                reservation = await room.ask(learns="m", choices=choices)
                reservation.settle(Usage(output=50 * choices), None)
            for limit, tokens in ((None, 50), (20, 20)):
                known = estimates.of("m", text_bytes=4, max_tokens=limit, choices=choices)
                assert known == Estimate(1, min(tokens, 50) * choices)

        in_loop(work)

    def test_a_settled_answer_is_learnt_from_unless_it_was_estimated(self) -> None:
        async def work() -> None:
            room = Room()
            for at in range(40):
                reservation = await room.ask(learns="m")
                reservation.settle(Usage(output=10 + 990 * (at % 2), estimated=at % 2 == 1), None)
            estimates = room.admission.estimates
            assert estimates.of("m", text_bytes=0, max_tokens=None).output == 10

        in_loop(work)

    @given(st.integers(0, 300_000), st.integers(0, 10_000))
    def test_costs_are_those_of_the_price_table(self, tokens_in: int, tokens_out: int) -> None:
        dear = Price(input=Decimal(5), output=Decimal("22.5"))
        price = TieredPrice.of(
            Price(input=Decimal("2.5"), output=Decimal(15)), above=200_000, beyond=dear
        )
        exact = cost_usd(Usage(input=tokens_in, output=tokens_out), price)
        assert exact is not None
        assert cost_nano_usd(Estimate(tokens_in, tokens_out), price) == int(exact * USD)

    def test_without_a_price_of_what_is_used_there_is_no_cost(self) -> None:
        assert cost_nano_usd(Estimate(1, 0), None) is None
        assert cost_nano_usd(Estimate(1, 1), Price(input=Decimal(1))) is None
        assert cost_nano_usd(Estimate(1, 0), Price(input=Decimal(1))) == 1_000
