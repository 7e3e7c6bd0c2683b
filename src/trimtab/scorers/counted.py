"""What one judging asked of its judge, counted where it is asked: whatever the scorer returns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from trimtab.ports import Judge, JudgeAnswer, Question
from trimtab.scorers.judgement import Outcome

UNPRICED = "unpriced"
"""The member of a score's metadata that says that a judge without a price was asked in vain."""


class Counted:
    """A judge for one judging, which adds up what it was paid; implements `ports.Judge`."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._costs: list[Decimal | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._judge, name)

    @property
    def model(self) -> str:
        return self._judge.model

    async def ask(self, question: Question) -> JudgeAnswer:
        answer = await self._judge.ask(question)
        if answer.calls:
            self._costs.append(answer.cost_usd)
        return answer

    def paid(self, judged: dict[str, Outcome]) -> dict[str, Outcome]:
        """The outcomes of the judging with what was paid for it, with one of them.

        What they say themselves stands where it is no less: a scorer may know of more that it pays.
        """
        said = [outcome.cost_usd for outcome in judged.values() if outcome.cost_usd is not None]
        known = [cost for cost in self._costs if cost is not None]
        name, first = next(iter(judged.items()))
        if len(known) < len(self._costs):
            if said or first.status == "scored":
                return judged
            marked = {**first.metadata, UNPRICED: True}
            return {**judged, name: msgspec.structs.replace(first, metadata=marked)}
        lacking = sum(known, Decimal(0)) - sum(said, Decimal(0))
        if said and lacking <= 0:
            return judged
        cost = max(lacking, Decimal(0)) + (first.cost_usd or 0)
        return {**judged, name: msgspec.structs.replace(first, cost_usd=cost)}
