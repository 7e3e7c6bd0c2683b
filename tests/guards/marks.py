"""A signal that looks for one word, and policies made of it."""

from __future__ import annotations

import time
from typing import Any

from trimtab.guards.policies import over
from trimtab.guards.policy import ReadyPolicy
from trimtab.guards.slots import Slots
from trimtab.kit.clock import SystemClock
from trimtab.ports import GuardSubject, GuardText, Place
from trimtab.ports.guarding import Stage, TextKind
from trimtab.records import GuardPolicy, GuardRule, RecordRules
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.signal import NOBODY, About, Scale, Signal
from trimtab.signals.text import Text

MARK = "CANARY-7F"
KEEP = RecordRules(secrets="keep", pii="keep")


class Marks:
    """Fires on a word; its score may be given with it, as in `CANARY-7F~0.4`."""

    version = "4"
    is_learned = False

    def __init__(
        self,
        name: str = "marks",
        *,
        word: str = MARK,
        kind: str = "mark",
        score: float = 1.0,
        scale: Scale = "risk",
        lookback_chars: int | None = len(MARK),
        fails: bool = False,
        takes_s: float = 0.0,
        silent: bool = False,
    ) -> None:
        self.name = name
        self.scale = scale
        self.lookback_chars = lookback_chars
        self._word, self._kind, self._score = word, kind, score
        self._fails, self._takes_s, self._silent = fails, takes_s, silent
        self.read_texts: list[str] = []
        self.abouts: list[About] = []

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        self.read_texts.append(text.raw)
        self.abouts.append(about)
        if self._takes_s:
            time.sleep(self._takes_s)
        if self._fails:
            raise ValueError(f"cannot read {text.raw}")
        if self._silent:
            return Reading(score=None, reason="nothing to compare with")
        found, at = [], text.raw.find(self._word)
        while at >= 0:
            end = at + len(self._word)
            found.append(Finding(start=at, end=end, kind=self._kind, score=self._score))
            at = text.raw.find(self._word, end)
        if self.scale == "unit":
            return Reading(score=0.1 if found else 0.9)
        return Reading(score=self._score, findings=tuple(found)) if found else NOTHING


def ready(
    *rules: GuardRule,
    mode: Any = "enforce",
    record: RecordRules = KEEP,
    signals: dict[str, Signal] | None = None,
    slots: Slots | None = None,
    scorer: Any = None,
    extends: GuardPolicy | None = None,
) -> ReadyPolicy:
    """A policy of these rules; signals are `Marks` unless they are given."""
    policy = GuardPolicy(name="test", mode=mode, rules=rules, record=record)
    if extends is not None:
        policy = over(extends, policy)

    def make(name: str, **settings: Any) -> Signal:
        return (signals or {}).get(name) or Marks(name, **settings)

    return ReadyPolicy(policy, slots=slots or Slots(SystemClock(), {}), make=make, scorer=scorer)


def shown(text: str, role: str = "user", kind: TextKind = "text", index: int = 0) -> GuardText:
    return GuardText(place=Place(role, index, kind), text=text)


def subject(*texts: GuardText, stage: Stage = "input", **fields: Any) -> GuardSubject:
    return GuardSubject(stage=stage, texts=texts, **fields)
