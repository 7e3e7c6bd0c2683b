"""Rulings: what the guards say of some texts, together, and how it goes on record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trimtab.ports import Clock, Edit, Guard, GuardSubject, Opinion, Place, Ruling
from trimtab.ports.guarding import Did, Stage

_log = logging.getLogger("trimtab.gateway")
_ORDER: tuple[Did, ...] = (
    *("pass", "skipped", "flag", "replace", "timeout", "error", "regenerate", "block"),
)
_REFUSALS = ("block", "regenerate")
_MOST_FINDINGS = 50
_MOST_CHARS = 500
_WITHHELD = "a guard does not allow this"
_UNCHECKED = "a guard could not check this"
_NS_PER_MS = 1e6


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One guard on one side of a call, as the record has it.

    `action` is the gravest of its checks. `error` and `timeout` never count as passed; `blocked`
    says whether the guard's `on_error` made them a refusal. `would` is what a rule that is not
    enforced would have done.
    """

    name: str
    version: str
    stage: Stage
    action: Did = "pass"
    checks: int = 0
    ms: float = 0.0
    started_ns: int = 0
    ended_ns: int = 0
    blocked: bool = False
    reason: str | None = None
    value: float | None = None
    threshold: float | None = None
    evidence: tuple[str, ...] = ()
    error: str | None = None
    mode: str | None = None
    would: str | None = None
    queued: bool = False
    findings: tuple[dict[str, Any], ...] = ()
    digest: str | None = None

    @property
    def acted(self) -> bool:
        return self.action not in ("pass", "skipped")

    def add(self, action: Did, ruling: Ruling | None = None, error: str | None = None) -> None:
        self.checks += 1
        if self.checks > 1 and _ORDER.index(action) <= _ORDER.index(self.action):
            return
        self.action, self.error = action, error
        if ruling is not None:
            self.reason = (ruling.reason or "")[:_MOST_CHARS] or None
            self.value, self.threshold = ruling.value, ruling.threshold
            self.evidence = tuple(text[:_MOST_CHARS] for text in ruling.evidence[:20])

    def told(self, said: Opinion) -> None:
        """Take what a rule says of one check; of several the gravest stands."""
        self.checks += 1
        self.ms = round(self.ms + said.ms, 3)
        self.mode, self.digest = said.mode, said.digest
        self.blocked = self.blocked or said.blocked
        self.queued = self.queued or said.queued
        grave = _ORDER.index(said.action) > _ORDER.index(self.action)
        # Of a text that grows there may be nothing to judge at first.
        judged = self.action == "skipped" and said.action == "pass"
        unjudged = said.action == "skipped" and self.checks > 1 and self.action == "pass"
        if (
            self.checks == 1
            or judged
            or (grave and not unjudged)
            or (said.would and not self.would)
        ):
            self.action = said.action
            self.reason = (said.reason or "")[:_MOST_CHARS] or None
            self.value, self.threshold, self.error = said.value, said.threshold, said.error
            self.would = said.would or self.would
        if said.findings:
            known = [*self.findings, *(one for one in said.findings if one not in self.findings)]
            self.findings = tuple(known[:_MOST_FINDINGS])


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal: whose, and what the caller is told; `unchecked`: not for what the text says."""

    guard: str
    message: str = _WITHHELD
    unchecked: bool = False


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What all guards say of a subject. `edits` are sorted and none lies over another.

    `attempts`: the block is of an answer that may be asked for again, so often in all.
    """

    block: Block | None = None
    edits: Sequence[Edit] = ()
    attempts: int = 0


class Bench:
    """The guards of one side of one call, and what they have ruled so far.

    Args:
        may_replace: False where the texts are on their way already.
    """

    def __init__(
        self, guards: Iterable[Guard], stage: Stage, clock: Clock, *, may_replace: bool = True
    ) -> None:
        self.guards = tuple(guards)
        self.stage = stage
        self._clock = clock
        self._may_replace = may_replace
        self._own = [
            Entry(name=guard.name, version=guard.version, stage=stage) for guard in self.guards
        ]
        self._rules: dict[str, Entry] = {}

    @property
    def entries(self) -> list[Entry]:
        """What each guard, and each rule of those that have rules, has ruled so far."""
        return [*self._own, *self._rules.values()]

    def skip(self, why: str) -> None:
        """There is nothing that these guards can read."""
        for guard, entry in zip(self.guards, self._own, strict=True):
            rules: Sequence[Opinion] = getattr(guard, "rules", ())
            if not rules:
                entry.add("skipped", error=why)
            for rule in rules:
                self._take(msgspec.structs.replace(rule, action="skipped", error=why))

    def closed(self, why: str) -> Block | None:
        """The refusal of a guard that lets nothing pass unread; None where there is none."""
        for guard, entry in zip(self.guards, self._own, strict=True):
            if guard.on_error == "closed":
                entry.add("error", error=why)
                entry.blocked = True
                return Block(guard=guard.name, message=_UNCHECKED)
        return None

    def unruly(self, message: str) -> Block:
        """A replacement that cannot be made is a refusal."""
        guilty = (entry for entry in self.entries if entry.action == "replace")
        entry = next(guilty, self._own[0])
        entry.blocked, entry.error = True, message
        return Block(guard=entry.name, message=message)

    async def rule(self, subject: GuardSubject) -> Verdict:
        """Ask all guards at once; never raises for one that fails."""
        if len(self.guards) == 1:
            rulings = [await self._one(self.guards[0], self._own[0], subject)]
        else:
            asked = map(self._one, self.guards, self._own, [subject] * len(self.guards))
            rulings = await asyncio.gather(*asked)
        block, attempts = _refused(self.guards, rulings)
        acting = (ruling for ruling in rulings if ruling.action in ("replace", *_REFUSALS))
        edits = merged([edit for ruling in acting for edit in ruling.edits])
        return Verdict(block=block, edits=edits, attempts=attempts)

    def _take(self, said: Opinion, entry: Entry | None = None) -> None:
        """Put on record what one rule of a guard says."""
        known = self._rules.get(said.name)
        if known is None:
            known = Entry(name=said.name, version=said.version, stage=self.stage)
            self._rules[said.name] = known
        known.told(said)
        if entry is not None:
            known.started_ns = known.started_ns or entry.started_ns
            known.ended_ns = self._clock.now_ns()

    async def _one(self, guard: Guard, entry: Entry, subject: GuardSubject) -> Ruling:
        started_ns = self._clock.monotonic_ns()
        entry.started_ns = entry.started_ns or self._clock.now_ns()
        try:
            budget_for = getattr(guard, "budget_for", None)
            budget_ms = guard.budget_ms if budget_for is None else budget_for(subject)
            async with asyncio.timeout(budget_ms / 1000) as limit:
                ruling = await guard.check(subject)
            self._check(ruling, subject)
        except TimeoutError as error:
            late = limit.expired()
            said = f"took longer than {guard.budget_ms:g} ms" if late else type(error).__name__
            return _failed(guard, entry, "timeout" if late else "error", said)
        except Exception as error:
            # A guard is somebody else's code: its errors may quote the text it was given.
            _log.warning("the guard %s failed: %s", guard.name, type(error).__name__)
            return _failed(guard, entry, "error", type(error).__name__)
        finally:
            entry.ms += (self._clock.monotonic_ns() - started_ns) / _NS_PER_MS
            entry.ended_ns = self._clock.now_ns()
        if ruling.opinions or getattr(guard, "rules", ()):
            for opinion in ruling.opinions:
                self._take(opinion, entry)
            return ruling
        entry.add(ruling.action, ruling)
        entry.blocked = entry.blocked or ruling.action in _REFUSALS
        return ruling

    def _check(self, ruling: Ruling, subject: GuardSubject) -> None:
        if ruling.action == "replace" and not self._may_replace:
            raise _Unruly("replaced text that was on its way")
        sizes = {text.place: len(text.text) for text in subject.texts}
        for edit in ruling.edits:
            if not 0 <= edit.start <= edit.end <= sizes.get(edit.place, -1):
                raise _Unruly("replaced text that it was not shown")


class _Unruly(Exception):
    """A ruling that cannot be carried out."""


def _refused(guards: Sequence[Guard], rulings: Sequence[Ruling]) -> tuple[Block | None, int]:
    """The first refusal, and how often the answer may be asked for again if it is only that."""
    refusals = [
        (guard, one) for guard, one in zip(guards, rulings, strict=True) if one.action in _REFUSALS
    ]
    if not refusals:
        return None, 0
    final = [pair for pair in refusals if pair[1].action == "block"]
    guard, ruling = (final or refusals)[0]
    rule = next((one.name for one in ruling.opinions if one.blocked), guard.name)
    said = ruling.message or _WITHHELD
    block = Block(guard=rule, message=said, unchecked=ruling.unchecked)
    return block, 0 if final else ruling.attempts


def _failed(guard: Guard, entry: Entry, action: Did, error: str) -> Ruling:
    entry.add(action, error=error)
    if guard.on_error == "open":
        return Ruling()
    entry.blocked = True
    return Ruling(action="block", message=_UNCHECKED, unchecked=True)


def merged(edits: Iterable[Edit]) -> list[Edit]:
    """Edits by place and position; where some overlap, the first one's text stands for all.

    >>> at = Place("user", 0)
    >>> [tuple(e[1:]) for e in merged([Edit(at, 4, 9, "B"), Edit(at, 0, 5, "A")])]
    [(0, 9, 'A')]
    """
    found: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: edit[:3]):
        last = found[-1] if found else None
        if last is not None and last.place == edit.place and edit.start < last.end:
            found[-1] = last._replace(end=max(last.end, edit.end))
        elif edit != last:
            found.append(edit)
    return found


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text after its edits, which are sorted."""
    found: list[str] = []
    at = 0
    for edit in edits:
        found += (text[at : edit.start], edit.text)
        at = edit.end
    return "".join([*found, text[at:]])


def on_record(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The attribute of a span that says what every guard did."""
    hidden = ("started_ns", "ended_ns")
    wires = [msgspec.to_builtins(entry) for entry in entries]
    return [
        {"action": "pass", **{k: v for k, v in wire.items() if k not in hidden}} for wire in wires
    ]


__all__ = ["Bench", "Block", "Entry", "Place", "Verdict", "applied", "merged", "on_record"]
