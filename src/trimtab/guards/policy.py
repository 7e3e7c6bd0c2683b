"""A policy made ready: its rules with their signals, and the guards of one call made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from trimtab.guards import classes
from trimtab.guards.calls import CallGuard
from trimtab.guards.case import Case, Readings
from trimtab.guards.guard import PolicyGuard
from trimtab.guards.redaction import Redaction
from trimtab.guards.restore import Restore
from trimtab.guards.rule import FindScorer, MakeSignal, Rule, compiled
from trimtab.guards.slots import Slots
from trimtab.ports import Guard
from trimtab.ports.guarding import Stage
from trimtab.records import GuardPolicy, RecordRules
from trimtab.records.guard import INPUT_MOUNTS
from trimtab.signals.catalogue import signal as signal_of
from trimtab.signals.signal import Signal


class Watch(NamedTuple):
    """What looks at one call: its guards, and what hides things from its record."""

    guards: Sequence[Guard]
    redaction: Redaction | None
    case: Case


class ReadyPolicy:
    """A policy that calls can be watched by; built once, used by many.

    Args:
        policy: with all its rules; it extends nothing any more.
        signals: signals by their names and settings, shared with other policies.
        shadows: whether rules in shadow look at the next call; they look at all without it.
    Raises:
        ConfigError, ScorerError, MissingExtra: a rule cannot be asked.
    """

    def __init__(
        self,
        policy: GuardPolicy,
        *,
        slots: Slots,
        make: MakeSignal = signal_of,
        scorer: FindScorer | None = None,
        signals: dict[tuple[str, bytes], Signal] | None = None,
        shadows: Callable[[], bool] | None = None,
    ) -> None:
        self.policy = policy
        self._shadows = shadows
        self._slots = slots
        self._version = policy.version
        self._readings = Readings()
        made = signals if signals is not None else {}
        mode = policy.mode or "shadow"
        modes = (rule.mode or mode for rule in policy.rules)
        self.rules: tuple[Rule, ...] = tuple(
            compiled(said, mode, make=make, scorer=scorer, made=made)
            for said, own in zip(policy.rules, modes, strict=True)
            if own != "off" and mode != "off"
        )
        for rule in self.rules:
            rule.warm()
            if rule.said.slot is not None:
                slots.prepare(rule.said.slot)
        self._hiding = _hiding(policy, make, made)
        self._tokenises = any(rule.acts and rule.action == "tokenise" for rule in self.rules)
        self._replaces = any(rule.acts and rule.replaces for rule in self.rules)
        self._groups = self._grouped(self.rules)
        seen = [rule for rule in self.rules if rule.mode != "shadow"]
        self._has_shadows = len(seen) < len(self.rules)
        self._acting = self._grouped(seen)

    def begin(self) -> Watch:
        """What watches the next call."""
        case = Case(self._readings)
        groups = self._groups
        if self._shadows is not None and self._has_shadows and not self._shadows():
            groups = self._acting
        guards: list[Guard] = [
            (CallGuard if of_calls else PolicyGuard)(
                case,
                rules,
                stage,
                policy=self.policy.name,
                version=self._version,
                slots=self._slots,
                parallel=parallel,
                observes=observes,
            )
            for (stage, parallel, observes, of_calls), rules in groups.items()
        ]
        if self._tokenises:
            guards.append(Restore(case))
        return Watch(guards, self.redaction(case), case)

    def redaction(self, case: Case | None = None) -> Redaction | None:
        """What hides parts of the record of a call; None where nothing is to be hidden."""
        hides = bool(self._hiding) or self._replaces
        return Redaction(self._hiding, case) if hides else None

    def intake(self) -> Redaction | None:
        """What hides parts of records that come from outside; None where nothing is hidden."""
        if not self._hiding:
            return None
        return Redaction(self._hiding, Case(self._readings), foreign=True)

    def _grouped(self, rules: Sequence[Rule]) -> Mapping[_Group, list[Rule]]:
        """Rules by what they are asked together in."""
        found: dict[_Group, list[Rule]] = {}
        for rule in rules:
            mounts = set(rule.said.on)
            of_calls = classes.is_of_calls(rule.said.signal)
            if mounts & INPUT_MOUNTS:
                parallel = rule.acts and rule.said.parallel
                group = _Group("input", parallel, not rule.acts, of_calls)
                found.setdefault(group, []).append(rule)
            if "output" in mounts:
                group = _Group("output", False, not rule.acts, of_calls)
                found.setdefault(group, []).append(rule)
        return found


class _Group(NamedTuple):
    """`parallel` to the call, only looking, about calls of tools."""

    stage: Stage
    parallel: bool
    observes: bool
    of_calls: bool


def _hiding(
    policy: GuardPolicy, make: MakeSignal, made: dict[tuple[str, bytes], Signal]
) -> list[Signal]:
    """The signals whose findings the record does not show."""
    if policy.mode == "off":
        return []
    record = (policy.record or RecordRules()).over()
    names = [name for name in ("secrets", "pii") if getattr(record, name) == "redact"]
    found = []
    for name in names:
        key = name, msgspec.json.encode({})
        if key not in made:
            made[key] = make(name)
        found.append(made[key])
    return found
