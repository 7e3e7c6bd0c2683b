"""What the last comparison takes at most, held back before anything is searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.evals.tasks import ChatTask
from trimtab.experiments.replies import KeptAnswers, Replies
from trimtab.kit import jsonx
from trimtab.optimiser.budget import Budget
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.halving import FIRST_ROWS
from trimtab.optimiser.prepare import Ready
from trimtab.optimiser.prices import limit_of, worst_usd
from trimtab.ports import ChatReply
from trimtab.prompts.template import CompiledPrompt
from trimtab.scorers.judges.jury import models_of

SHARE_OF_TIME = 0.25
_JUDGE_PROMPT_BYTES = 8_000  # of a judge's own words, on top of what it is shown
_BYTES_PER_TOKEN = 8  # of an answer; more than tokens of any text have on average


class Held:
    """Keeps the worst that the acceptance of any candidate could take, and holds it back."""

    def __init__(self, ready: Ready, budget: Budget) -> None:
        self._ready = ready
        self._budget = budget
        self._worst: dict[str, Decimal] = {}
        self._most = Decimal(0)
        self._own = Decimal(0)

    @property
    def calls(self) -> int:
        """Of both prompts on all rows of the test split."""
        return 2 * len(self._ready.splits.test) * self._ready.calls_per_row

    async def begin(self) -> None:
        """Hold back what the present prompt against one like it takes.

        Raises:
            InvalidRequest: nothing would be left for a search.
        """
        caps, ready = self._budget.caps, self._ready
        least = min(FIRST_ROWS, len(ready.splits.dev)) * 2 * ready.calls_per_row
        if caps.calls is not None and caps.calls < self.calls + least:
            raise InvalidRequest(
                f"{caps.calls} calls are too few: comparing two prompts on the"
                f" {len(ready.splits.test)} rows of the test split takes up to {self.calls}, and"
                f" a search {least} at least",
                where="calls",
                fix=f"give {self.calls + 4 * least} or more, or a smaller test split",
            )
        if caps.usd is not None:
            self._own = self._most = await self.worst(ready.baseline)
            if 2 * self._own >= caps.usd:
                raise InvalidRequest(
                    f"${caps.usd} are too few: comparing two prompts on the"
                    f" {len(ready.splits.test)} rows of the test split may take up to"
                    f" ${2 * self._own:.4f}",
                    where="budget_usd",
                    fix="give more, bound answers with --max-tokens, or use a smaller test split",
                )
        self._hold()

    async def afford(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those whose acceptance can be paid for; what the dearest of them takes is held back."""
        caps = self._budget.caps
        if caps.usd is None:
            return list(candidates)
        left = caps.usd - self._budget.walked_usd
        found = []
        for one in candidates:
            worst = await self.worst(one)
            if self._own + worst < left:
                found.append(one)
                self._most = max(self._most, worst)
        self._hold()
        return found

    async def worst(self, candidate: Candidate) -> Decimal:
        """The most that a candidate's answers to the test split cost, and their judgements."""
        if candidate.digest not in self._worst:
            self._worst[candidate.digest] = await self._summed(candidate)
        return self._worst[candidate.digest]

    def _hold(self) -> None:
        self._budget.hold(calls=self.calls, usd=self._own + self._most, share_of_time=SHARE_OF_TIME)

    async def _summed(self, candidate: Candidate) -> Decimal:
        ready, total = self._ready, Decimal(0)
        noting = _Noting()
        with Replies(None, "off") as replies:
            task = ChatTask(
                noting,
                KeptAnswers(replies, task=""),
                model=ready.job.model,
                fields=ready.fields,
                template=CompiledPrompt.of(
                    msgspec.structs.replace(ready.bundle, prompt=candidate.prompt)
                ),
            )
            for row in ready.splits.test:
                await task.answer(row, 0)
        for request, row in zip(noting.requests, ready.splits.test, strict=True):
            total += self._answering(request)
            total += self._judging(len(jsonx.encode(row)))
        return total

    def _answering(self, request: Mapping[str, Any]) -> Decimal:
        """What one answer costs; nothing where its model has no price."""
        ready = self._ready
        price = ready.prices(ready.job.model)
        if limit_of(request) is None and ready.max_tokens is not None:
            request = {**request, "max_tokens": ready.max_tokens}
        if price is None or limit_of(request) is None:
            return Decimal(0)
        return worst_usd(request, price)

    def _judging(self, row_bytes: int) -> Decimal:
        """What judging one answer to a row costs, taken to be as long as answers may get."""
        ready = self._ready
        if ready.calls_per_row == 1 or ready.max_tokens is None:
            return Decimal(0)
        told = "x" * (row_bytes + _BYTES_PER_TOKEN * ready.max_tokens + _JUDGE_PROMPT_BYTES)
        request = {
            "messages": [{"role": "user", "content": told}],
            "max_tokens": ready.max_tokens,
        }
        judges = {model for scorer in ready.scorers for model in models_of(scorer)}
        prices = [price for model in judges if (price := ready.prices(model)) is not None]
        worst = max((worst_usd(request, price) for price in prices), default=Decimal(0))
        return (ready.calls_per_row - 1) * worst


class _Noting:
    """Notes what would be asked, and asks nobody; implements `ports.Chat`."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    async def ask(self, request: Any) -> ChatReply:
        self.requests.append(request)
        return ChatReply(text="")
