"""Looking: the rules of one call at its texts, each normalised once and read once by a signal.

Our signals are read where this is called, unless the texts are long, and those of others in
threads; scorers and models are waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from functools import partial

from trimtab.guards import classes
from trimtab.guards.aside import LONG, OTHERS, LongTexts
from trimtab.guards.asking import ask_scorer
from trimtab.guards.case import Case, about
from trimtab.guards.looked import Asked, Judged, Looked, View
from trimtab.guards.quoting import Quoting
from trimtab.guards.rule import Hit, Rule
from trimtab.guards.slots import Slots
from trimtab.ports import GuardSubject, GuardText, Scorer
from trimtab.signals.signal import NOBODY, About, Signal

IN_LOOP_CHARS = 32_000
"""Longer texts are read in a thread, so that nobody else waits for them."""
QUEUE_S = 10.0
"""How long they wait for one."""

_NS_PER_MS = 1e6


class Looking:
    """Asks signals, scorers and models for the rules of one call.

    Args:
        quoting: what is known of texts that are JSON: of those, signals read what they say.
    """

    def __init__(self, case: Case, slots: Slots, quoting: Quoting) -> None:
        self._case = case
        self._slots = slots
        self._quoting = quoting

    async def looked(
        self, asked: Sequence[tuple[Rule, list[GuardText]]], subject: GuardSubject
    ) -> tuple[dict[str, list[Looked]], dict[str, float]]:
        looked: dict[str, list[Looked]] = {rule.name: [] for rule, _ in asked}
        spent: dict[str, float] = dict.fromkeys(looked, 0.0)
        signals = [(rule, rule.signal, texts) for rule, texts in asked if rule.signal is not None]
        others = [one for one in signals if not one[0].is_quick]
        signals = [one for one in signals if one[0].is_quick]
        size = sum({one.place: len(one.text) for _, _, texts in signals for one in texts}.values())
        judged = abouts(subject, [rule for rule, _, _ in (*signals, *others)])
        if size <= IN_LOOP_CHARS:
            self._read(signals, judged, looked, spent)
        else:
            await self._read_long(signals, judged, looked, spent)
        if others:
            began = time.perf_counter_ns()
            found = await asyncio.gather(*(self._read_other(*one, judged) for one in others))
            for (rule, _, _), one in zip(others, found, strict=True):
                looked[rule.name] = one
                spent[rule.name] += (time.perf_counter_ns() - began) / _NS_PER_MS
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
        asked: Asked,
        judged: Judged,
        looked: dict[str, list[Looked]],
        spent: dict[str, float],
    ) -> None:
        """Read every text with every signal; each text is normalised once."""
        views: dict[tuple[int, bool], View] = {}
        for rule, signal, texts in asked:
            found = looked[rule.name]
            began = time.perf_counter_ns()
            as_written = classes.is_of_form(rule.said.signal)
            for one in texts:
                view = views.get((id(one), as_written))
                if view is None:
                    view = views[id(one), as_written] = View.of(one, self._quoting, rule)
                judged_by = judged.get(rule.canaries, NOBODY)
                found.append(self._one(rule, signal, one, view, judged_by))
            spent[rule.name] += (time.perf_counter_ns() - began) / _NS_PER_MS

    def _one(self, rule: Rule, signal: Signal, one: GuardText, view: View, judged: About) -> Looked:
        try:
            reading = self._case.read(signal, view.text, judged)
        except Exception as error:
            # A signal may be anybody's: one that fails is on record, and the others go on.
            return Looked(one, None, error=type(error).__name__)
        if reading.score is None:
            return Looked(one, None, reason=reading.reason or "nothing to judge")
        return Looked(one, view.placed(rule.hit(reading)), reason=reading.reason)

    async def _read_long(
        self,
        asked: Asked,
        judged: Judged,
        looked: dict[str, list[Looked]],
        spent: dict[str, float],
    ) -> None:
        """Read in a thread; what is not ready within a rule's budget is late."""
        work = LongTexts(self._case, self._quoting, asked, judged)
        longest = max(rule.budget_s(sum(len(one.text) for one in on)) for rule, _, on in asked)
        reading = asyncio.get_running_loop().run_in_executor(LONG, work.read)
        try:
            async with asyncio.timeout(QUEUE_S + longest):
                await reading
        except TimeoutError:
            pass
        finally:
            work.stop.set()
        for rule, _, texts in asked:
            done = work.looked[rule.name][: len(texts)]
            late = [Looked(one, None, late=True) for one in texts[len(done) :]]
            looked[rule.name] = [*done, *late]
            spent[rule.name] += work.spent[rule.name]

    async def _read_other(
        self, rule: Rule, signal: Signal, texts: Sequence[GuardText], judged: Judged
    ) -> list[Looked]:
        """Ask a signal that may take long, in a thread; one that always does is left alone."""
        patience, judge = self._slots.patience, f"{rule.digest} {id(signal)}"
        chars = sum(len(one.text) for one in texts)
        if (lost := patience.lost(judge)) is not None:
            return [Looked(one, None, error=lost) for one in texts]
        views = [View.of(one, self._quoting, rule) for one in texts]
        about = judged.get(rule.canaries, NOBODY)
        loop = asyncio.get_running_loop()
        found: list[Looked] = []
        try:
            async with asyncio.timeout(rule.budget_s(chars)):
                for one, view in zip(texts, views, strict=True):
                    ask = partial(self._one, rule, signal, one, view, about)
                    found.append(await loop.run_in_executor(OTHERS, ask))
        except TimeoutError:
            found += [Looked(one, None, late=True) for one in texts[len(found) :]]
        patience.told(judge, failed=any(one.late or one.error for one in found))
        return found

    async def _scored(
        self, rule: Rule, scorer: Scorer, one: GuardText, subject: GuardSubject
    ) -> Looked:
        patience, judge = self._slots.patience, f"{rule.digest} {rule.name}"
        if (lost := patience.lost(judge)) is not None:
            return Looked(one, None, error=lost)
        budget_ms = rule.budget_s(len(one.text)) * 1000
        scored = await ask_scorer(scorer, one, subject, budget_ms)
        patience.told(judge, failed=scored.status in ("error", "timeout"))
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
        said = self._quoting.spelt(looked.text)
        answer = await self._slots.ask(slot, looked.text.text if said is None else said.text)
        if answer.score is None:
            return looked._replace(hit=None, error=answer.error, late=answer.late)
        findings = hit.findings
        return looked._replace(hit=Hit(answer.score >= rule.threshold, answer.score, findings))


def abouts(subject: GuardSubject, rules: Iterable[Rule]) -> dict[tuple[str, ...], About]:
    """What the texts of an answer are judged against, by the canaries of the rules."""
    if subject.stage == "input":
        return {}
    return {canaries: about(subject.sent, canaries) for canaries in {one.canaries for one in rules}}
