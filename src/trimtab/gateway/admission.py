"""Admission: whether a request may be made, and what is set aside for it until it is over.

In: who asks, what for, and an estimate. Out: a `Reservation`, or an error that names the limit. All
or nothing: what was taken from some limits is returned when another one refuses. Nothing here waits
for a disk or a database; most requests are admitted without awaiting anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trimtab.gateway import over
from trimtab.gateway.ask import Ask, Caller
from trimtab.gateway.asker import DAY_NS, MONEY, NANO_USD, PLACES, TOKENS, Asker, Askers, Part
from trimtab.gateway.asker import day_of as _day_of
from trimtab.gateway.estimates import Estimate, Estimates, cost_nano_usd
from trimtab.gateway.places import Places
from trimtab.gateway.quotas import Quotas
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.target import Target
from trimtab.gateway.wanted import Wanted, wanted_of
from trimtab.ports import Clock, Quota
from trimtab.records import Usage

_NO_HEADERS: dict[str, str] = {}


class Reservation:
    """What one admitted request holds: settled exactly once, when it is over, however it ends.

    `day` is the UTC day whose budgets it counts for, also when it ends on the next.
    """

    __slots__ = (
        "_admission", "_asker", "_askers", "_open", "_parts", "_priced_only", "_wanted", "day",
    )  # fmt: skip

    def __init__(
        self,
        admission: Admission,
        parts: tuple[Part, ...],
        wanted: Wanted,
        day: str,
        asker: Asker,
    ) -> None:
        self._admission = admission
        self._asker = asker
        self._askers = admission.askers
        self._priced_only = asker.priced_only() is not None
        self._parts = parts
        self._wanted = wanted
        self._open = True
        self.day = day

    def settle(self, usage: Usage | None, cost_usd: Decimal | None) -> None:
        """Put what was used in the place of what was set aside; later calls do nothing.

        Args:
            usage: tokens used, estimated ones too; None when no model answered.
            cost_usd: what it cost; None where it has no price, which is counted as nothing.
        """
        if self._open:
            self._open = False
            self._admission.settled(self._parts, self._wanted, usage, cost_usd)
            if cost_usd and self._askers is not self._admission.askers:
                self._admission.catch_up(self._asker, self._parts, self.day, cost_usd)

    def drop(self) -> None:
        """Give back all that was taken: the request is not made after all."""
        if self._open:
            self._open = False
            self._admission.dropped(self._parts, self._wanted)

    def approves(self, model: str) -> bool:
        """Whether the project's catalogue lets a model answer, which it was not asked for."""
        return self._asker.catalogue.refusal(model, self.day) is None

    def may_ask(self, target: Target) -> bool:
        """Whether a target may be called that admission has not looked at."""
        if self._priced_only:
            some = Estimate(1, self._wanted.choices)
            if cost_nano_usd(some, target.card.price) is None:
                return False
        return self.approves(target.id)

    @property
    def headers(self) -> dict[str, str]:
        """How the tightest limits stand now: `x-ratelimit-*`, `x-trimtab-budget-warning`."""
        return self._admission.headers(self._parts) if self._parts else _NO_HEADERS


class Admission:
    """Decides for every request of this process.

    Args:
        askers: allowances and catalogues; swap them by assigning `admission.askers`.
        quotas: where limits are counted.
        estimates: learns from what is settled.
    """

    def __init__(
        self, askers: Askers, quotas: Quotas, clock: Clock, *, estimates: Estimates | None = None
    ) -> None:
        self.askers = askers
        self.estimates = estimates or Estimates()
        self._quotas = quotas
        self._clock = clock
        self._places = Places(quotas)
        self._day_number = -1
        self._day = ""

    async def admit(self, ask: Ask, resolution: Resolution, *, shadow: bool = False) -> Reservation:
        """Admit a request as the gateway has it.

        Args:
            shadow: nobody waits for the answer, so that only the project is asked and pays.
        Raises:
            Forbidden: a model may not be used, or has no price where a budget wants one.
            RateLimited: a limit is reached.
        """
        asker = self._asker_of(ask.caller, everybody=not shadow)
        wanted = wanted_of(ask, resolution, self.estimates)
        return await self.reserve(asker, wanted, places=not shadow)

    def allows(self, caller: Caller, name: str, models: Sequence[str]) -> bool:
        """Whether somebody may ask for a name that these models answer; limits aside."""
        asker = self._asker_of(caller)
        if over.not_allowed(asker, name) is not None:
            return False
        day = self._today(self._clock.now_ns())
        return all(asker.catalogue.refusal(model, day) is None for model in models)

    def require(self, caller: Caller, name: str, models: Sequence[str]) -> None:
        """Raises Forbidden where somebody may not ask for a name that these models answer."""
        day = self._today(self._clock.now_ns())
        self._allow(self._asker_of(caller), Wanted(name, models), day)

    async def reserve(self, asker: Asker, wanted: Wanted, *, places: bool = True) -> Reservation:
        """Admit a request of this asker; without a place among its requests if need be.

        Raises as `admit`.
        """
        now_ns = self._clock.now_ns()
        day = self._today(now_ns)
        self._allow(asker, wanted, day)
        parts = asker.parts(day)
        if not places:
            parts = tuple(part for part in parts if part.unit != PLACES)
        if parts:
            await self._take(parts, wanted, now_ns)
        return Reservation(self, parts, wanted, day, asker)

    def settled(
        self,
        parts: Sequence[Part],
        wanted: Wanted,
        usage: Usage | None,
        cost_usd: Decimal | None,
    ) -> None:
        """Correct what a reservation took; for `Reservation` only."""
        tokens = 0
        if usage is not None:
            output = usage.total_output
            tokens = usage.total_input + output
            if wanted.learns and not usage.estimated:
                self.estimates.observe(wanted.learns, output // max(1, wanted.choices))
        nano = 0 if cost_usd is None else round(cost_usd * NANO_USD)
        over_estimate = (wanted.cost_nano_usd or 0) - nano
        give_back = self._quotas.give_back
        for part in parts:
            unit = part.unit
            if unit == MONEY:
                if over_estimate or nano:
                    give_back(part.quota, over_estimate, nano)
            elif unit == TOKENS:
                give_back(part.quota, _tokens(part, wanted) - tokens)
            elif unit == PLACES:
                self._leave(part)

    def dropped(self, parts: Sequence[Part], wanted: Wanted) -> None:
        """Return what a reservation took; for `Reservation` only."""
        self._return(parts, wanted)

    def catch_up(self, asker: Asker, parts: Sequence[Part], day: str, cost_usd: Decimal) -> None:
        """Count what a request cost in budgets that were set while it was under way."""
        counted = {part.quota.key for part in parts}
        for part in self.askers.again(asker).parts(day):
            if part.unit == MONEY and part.quota.key not in counted:
                nano = round(cost_usd * NANO_USD)
                self._quotas.give_back(part.quota, -nano, nano)

    def headers(self, parts: Sequence[Part]) -> dict[str, str]:
        return over.headers(parts, self._quotas)

    async def explain(self, asker: Asker) -> list[over.LimitState]:
        """How every limit of an asker stands for all that share it, the tightest first."""
        now_ns = self._clock.now_ns()
        states = []
        for part in asker.parts(self._today(now_ns)):
            quota = self._shared(part, now_ns)
            left = await self._quotas.ask(quota)
            states.append((left / quota.capacity, over.state(part, left, now_ns)))
        return [state for _, state in sorted(states, key=lambda one: one[0])]

    def _asker_of(self, caller: Caller, *, everybody: bool = True) -> Asker:
        """Who asks; `everybody`: the limit of every principal holds as well."""
        return self.askers.asker(
            caller.project,
            key=caller.key,
            user=caller.key_user,
            team=caller.team,
            principal=caller.principal if everybody else None,
            models=caller.models,
        )

    # -- one request ---------------------------------------------------------------------------

    def _allow(self, asker: Asker, wanted: Wanted, day: str) -> None:
        if forbidden := over.not_allowed(asker, wanted.model):
            raise forbidden
        for model in wanted.models:
            if reason := asker.catalogue.refusal(model, day):
                raise over.not_approved(asker, model, reason, day)
        if wanted.cost_nano_usd is None and (node := asker.priced_only()):
            raise over.unpriced(node, ", ".join(wanted.models) or wanted.model)

    async def _take(self, parts: Sequence[Part], wanted: Wanted, now_ns: int) -> None:
        """Take from one limit after the other; from none when it fails at any."""
        quotas = self._quotas
        try_take, now_s = quotas.try_take, quotas.now_s()
        amounts = (1, wanted.tokens, wanted.cost_nano_usd or 0, 1)
        taken = 0
        try:
            for part in parts:
                quota, unit = part.quota, part.unit
                amount: float = amounts[unit]
                if unit == TOKENS:
                    amount = _tokens(part, wanted)
                elif unit == PLACES:
                    quota = self._shared(part, now_ns)
                ok = try_take(quota, amount, now_s)
                if ok is None:
                    ok = await quotas.take(quota, amount)
                    now_s = quotas.now_s()
                if not ok:
                    wait_s = quotas.wait_s(quota, amount, now_s)
                    raise over.refused(part, amount, wait_s, now_ns=now_ns)
                if unit == PLACES and quotas.shared:
                    self._places.took(part.quota)
                taken += 1
        except BaseException:
            self._return(parts[:taken], wanted)
            raise

    def _return(self, parts: Sequence[Part], wanted: Wanted) -> None:
        """Give back what was taken for a request that is not made after all."""
        amounts = (1, wanted.tokens, wanted.cost_nano_usd or 0, 1)
        for part in parts:
            if part.unit == PLACES:
                self._leave(part)
            else:
                amount = _tokens(part, wanted) if part.unit == TOKENS else amounts[part.unit]
                self._quotas.give_back(part.quota, amount)

    def _leave(self, part: Part) -> None:
        if self._quotas.shared:
            self._places.leave(part.quota, self._clock.now_ns())
        else:
            self._quotas.give_back(part.quota, 1)

    def _shared(self, part: Part, now_ns: int) -> Quota:
        if part.unit == PLACES and self._quotas.shared:
            return self._places.quota(part.quota, now_ns)
        return part.quota

    def _today(self, now_ns: int) -> str:
        number = now_ns // DAY_NS
        if number != self._day_number:
            self._day_number = number
            self._day = _day_of(now_ns)
        return self._day


def _tokens(part: Part, wanted: Wanted) -> float:
    """What is set aside; of more than a bucket holds, all of it, and the rest becomes debt."""
    capacity = part.quota.capacity
    return min(capacity, wanted.tokens)
