"""Looking: the rules of one call at its texts, each normalised once and read once by a signal.

Signals are read where this is called, unless the texts are long; scorers and models are waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trimtab.guards.asking import ask_scorer
from trimtab.guards.case import Case, about
from trimtab.guards.rule import Hit, Rule
from trimtab.guards.slots import Slots
from trimtab.ports import GuardSubject, GuardText, Scorer
from trimtab.signals.signal import NOBODY, About, Signal
from trimtab.signals.text import Text

IN_LOOP_CHARS = 32_000
"""Longer texts are read in a thread, so that nobody else waits for them."""

_NS_PER_MS = 1e6


class Looked(NamedTuple):
    """One rule at one text."""

    text: GuardText
    hit: Hit | None
    reason: str | None = None
    error: str | None = None
    late: bool = False


_Asked = Sequence[tuple[Rule, Signal, list[GuardText]]]
"""Each rule, its signal, and the texts that it is about."""


class Looking:
    """Asks signals, scorers and models for the rules of one call."""

    def __init__(self, case: Case, slots: Slots) -> None:
        self._case = case
        self._slots = slots

    async def looked(
        self, asked: Sequence[tuple[Rule, list[GuardText]]], subject: GuardSubject
    ) -> tuple[dict[str, list[Looked]], dict[str, float]]:
        looked: dict[str, list[Looked]] = {rule.name: [] for rule, _ in asked}
        spent: dict[str, float] = dict.fromkeys(looked, 0.0)
        signals = [(rule, rule.signal, texts) for rule, texts in asked if rule.signal is not None]
        size = sum({one.place: len(one.text) for _, _, texts in signals for one in texts}.values())
        judged = abouts(subject, [rule for rule, _, _ in signals])
        if size <= IN_LOOP_CHARS:
            self._read(signals, judged, looked, spent)
        else:
            await self._read_aside(signals, judged, looked, spent)
        for rule, texts in asked:
            if rule.scorer is not None:
                began = time.perf_counter_ns()
                scorer = rule.scorer
                looked[rule.name] = [
                    await self._scored(rule, scorer, one, subject) for one in texts
                ]
                spent[rule.name] += (time.perf_counter_ns() - began) / _NS_PER_MS
            elif rule.said.slot is not None:
                began = time.perf_counter_ns()
                looked[rule.name] = [await self._sure(rule, one) for one in looked[rule.name]]
                spent[rule.name] += (time.perf_counter_ns() - began) / _NS_PER_MS
        return looked, spent

    def _read(
        self,
        asked: _Asked,
        judged: dict[tuple[str, ...], About],
        looked: dict[str, list[Looked]],
        spent: dict[str, float],
    ) -> None:
        """Read every text with every signal; each text is normalised once."""
        views: dict[int, Text] = {}
        for rule, signal, texts in asked:
            found = looked[rule.name]
            began = time.perf_counter_ns()
            for one in texts:
                view = views.get(id(one))
                if view is None:
                    view = views[id(one)] = Text(one.text)
                judged_by = judged.get(rule.canaries, NOBODY)
                found.append(self._one(rule, signal, one, view, judged_by))
            spent[rule.name] += (time.perf_counter_ns() - began) / _NS_PER_MS

    def _one(self, rule: Rule, signal: Signal, one: GuardText, view: Text, judged: About) -> Looked:
        try:
            reading = self._case.read(signal, view, judged)
        except Exception as error:
            # A signal may be anybody's: one that fails is on record, and the others go on.
            return Looked(one, None, error=type(error).__name__)
        if reading.score is None:
            return Looked(one, None, reason=reading.reason or "nothing to judge")
        return Looked(one, rule.hit(reading), reason=reading.reason)

    async def _read_aside(
        self,
        asked: _Asked,
        judged: dict[tuple[str, ...], About],
        looked: dict[str, list[Looked]],
        spent: dict[str, float],
    ) -> None:
        """Read in a thread; what is not ready within a rule's budget is late."""
        apart: dict[str, list[Looked]] = {rule.name: [] for rule, _, _ in asked}
        budget_ms = max((rule.said.budget_ms for rule, _, _ in asked), default=0.0)
        reading = asyncio.to_thread(self._read, asked, judged, apart, spent)
        try:
            async with asyncio.timeout(budget_ms / 1000):
                await reading
        except TimeoutError:
            pass
        for rule, _, texts in asked:
            done = apart[rule.name][: len(texts)]
            late = [Looked(one, None, late=True) for one in texts[len(done) :]]
            looked[rule.name] = [*done, *late]

    async def _scored(
        self, rule: Rule, scorer: Scorer, one: GuardText, subject: GuardSubject
    ) -> Looked:
        scored = await ask_scorer(scorer, one, subject, rule.said.budget_ms)
        if scored.risk is None:
            late = scored.status == "timeout"
            error = scored.reason if scored.status == "error" else None
            return Looked(one, None, reason=scored.reason, error=error, late=late)
        hit = Hit(scored.risk >= rule.threshold, scored.risk)
        return Looked(one, hit, reason=scored.reason)

    async def _sure(self, rule: Rule, looked: Looked) -> Looked:
        """What the model of a rule's slot says, where the signal is not sure."""
        slot, hit = rule.said.slot, looked.hit
        if slot is None or hit is None or hit.value is None or not looked.text.complete:
            return looked
        if not slot.low <= hit.value < slot.high:
            return looked
        answer = await self._slots.ask(slot, looked.text.text)
        if answer.score is None:
            return looked._replace(hit=None, error=answer.error, late=answer.late)
        findings = hit.findings
        return looked._replace(hit=Hit(answer.score >= rule.threshold, answer.score, findings))


def abouts(subject: GuardSubject, rules: Iterable[Rule]) -> dict[tuple[str, ...], About]:
    """What the texts of an answer are judged against, by the canaries of the rules."""
    if subject.stage == "input":
        return {}
    return {canaries: about(subject.sent, canaries) for canaries in {one.canaries for one in rules}}
