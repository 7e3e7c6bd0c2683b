"""`trimtab.guard`: a scorer or a signal mounted inline, as one object that the gateway takes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial
from typing import Any

import msgspec

from trimtab.errors import ConfigError
from trimtab.guards import classes
from trimtab.guards.calls import CallGuard
from trimtab.guards.case import Case
from trimtab.guards.guard import PolicyGuard
from trimtab.guards.rule import compiled
from trimtab.guards.slots import Slots
from trimtab.kit import jsonx
from trimtab.kit.clock import SystemClock
from trimtab.ports import Guard, Scorer
from trimtab.records import GuardRule
from trimtab.records.guard import INPUT_MOUNTS, GuardAction, GuardMode, Mount, rule_complaint
from trimtab.signals.catalogue import signal
from trimtab.signals.signal import Signal


def guard(
    judge: Scorer | Signal | str,
    *,
    on: Mount | Iterable[Mount] = "output",
    action: GuardAction = "flag",
    budget_ms: float = 200.0,
    mode: GuardMode = "enforce",
    **rule: Any,
) -> Guard:
    """A guard that asks a scorer or a signal about the texts of calls.

    Args:
        judge: a scorer, a signal, or the name of a shipped signal.
        on: which texts, of input, context, tool and output; those of one side of a call.
        action: what is done where it fires; `tokenise` needs a policy.
        budget_ms: milliseconds for one check.
        rule: further fields of `GuardRule`, such as `threshold`, `kinds` or `message`.
    Raises:
        ConfigError: there cannot be such a rule.

    >>> guard("secrets", action="redact").stage
    'output'
    """
    _require_judge(judge)
    mounts: tuple[Mount, ...] = (on,) if isinstance(on, str) else tuple(on)
    name = judge if isinstance(judge, str) else judge.name
    kind = "scorer" if isinstance(judge, Scorer) else "signal"
    said = _said({kind: name, "on": mounts, "action": action, "budget_ms": budget_ms, **rule})
    _said({kind: name, "mode": mode})
    complaint = rule_complaint(said)
    sides = {mount in INPUT_MOUNTS for mount in mounts}
    if complaint is None and mode == "off":
        complaint = "must not be off: mount none instead"
    if complaint is None and len(sides) != 1:
        complaint = "must be on one side of a call: make two guards for both"
    if complaint is None and action == "tokenise":
        complaint = "must not tokenise: tokens belong to a policy, which restores them"
    if complaint is not None:
        raise ConfigError(f"a guard {complaint}", where="guard", fix="correct it")
    ready = compiled(said, mode, make=partial(_made, judge), scorer=lambda _name: _scorer(judge))
    kind_of = CallGuard if classes.is_of_calls(said.signal) else PolicyGuard
    return kind_of(
        Case(),
        (ready,),
        "input" if sides == {True} else "output",
        policy=ready.name,
        version=ready.version,
        slots=Slots(SystemClock(), {}),
        parallel=said.parallel and ready.acts,
        observes=not ready.acts,
    )


def _said(fields: dict[str, Any]) -> GuardRule:
    """A rule of these fields. Raises ConfigError for one nobody knows, or a value of none."""
    known = GuardRule.__struct_fields__
    for name in fields:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise ConfigError(
                f"a guard has no {name!r}",
                where=f"guard.{name}",
                fix=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}",
                allowed=known,
            )
    try:
        return msgspec.convert(fields, GuardRule)
    except msgspec.ValidationError as error:
        text, path = jsonx.reason(error)
        raise ConfigError(
            f"a guard is wrong: {text}",
            where=f"guard{path.removeprefix('$')}",
            fix="correct it",
        ) from None


def _require_judge(judge: object) -> None:
    """Raises ConfigError for what is no scorer and lacks something of a signal."""
    if isinstance(judge, str | Scorer | Signal):
        return
    missing = [name for name in _OF_SIGNALS if not hasattr(judge, name)]
    raise ConfigError(
        f"{type(judge).__name__} is no scorer, and as a signal it lacks {', '.join(missing)}",
        where="guard",
        fix=f"a signal has {', '.join(_OF_SIGNALS)}",
    )


_OF_SIGNALS = ("name", "version", "scale", "lookback_chars", "is_learned", "read")


def _made(judge: Scorer | Signal | str, name: str, **settings: Any) -> Signal:
    return judge if isinstance(judge, Signal) else signal(name, **settings)


def _scorer(judge: Scorer | Signal | str) -> Scorer:
    if not isinstance(judge, Scorer):
        raise ConfigError("that is no scorer", where="guard")
    return judge
