"""Acting: whether a rule can ever do what it says, so that none stands there for show."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from trimtab.errors import ConfigError
from trimtab.guards.kinds import kinds_of
from trimtab.records import GuardRule
from trimtab.records.guard import REPLACING
from trimtab.signals.signal import Signal

# They judge a text as a whole.
_WITHOUT_FINDINGS = frozenset(
    {
        "compressibility",
        "gibberish",
        "json",
        "language",
        "length",
        "readability",
        "refusal",
        "relevance",
        "sentiment",
        "tools",
    }
)
_LOOKED_FOR = {"bans": "terms", "topics": "topics"}  # by the setting that says it
_MOST_SHOWN = 30


def require_acting(rule: GuardRule, signal: Signal) -> None:
    """Raises ConfigError for a rule of a signal that could never act, whatever it is shown."""
    name = rule.signal or ""
    where = f"guards rule {rule.called!r}"
    if name in _WITHOUT_FINDINGS:
        _require_no_places(rule, where)
    kinds = kinds_of(rule, signal)
    if name in _LOOKED_FOR and kinds is not None and not kinds:
        what = _LOOKED_FOR[name]
        raise ConfigError(
            f"{name!r} has no {what} to look for",
            where=where,
            fix=f"list them in its settings as `{what}`",
        )
    for kind in (*rule.kinds, *rule.but):
        if kinds is not None and kind not in kinds:
            close = get_close_matches(kind, kinds, n=1)
            raise ConfigError(
                f"the signal {name!r} finds nothing of the kind {kind[:100]!r}",
                where=where,
                fix=f"did you mean {close[0]!r}?" if close else f"use one of {_few(kinds)}",
                allowed=kinds,
            )
    if name == "tools":
        _require_calls(rule, signal, where)
    if name == "leak" and "output" not in rule.on:
        raise ConfigError(
            "'leak' compares answers with what was sent before them",
            where=where,
            fix="use `on: [output]`",
        )


def _require_calls(rule: GuardRule, signal: Signal, where: str) -> None:
    if set(rule.on) != {"output"}:
        raise ConfigError(
            "'tools' is about the calls that a model makes", where=where, fix="use `on: [output]`"
        )
    if not getattr(signal, "acts", True):
        raise ConfigError(
            "'tools' has no rule of a tool and allows all others",
            where=where,
            fix="give `tools` a rule, or say `others: deny`",
        )
    if rule.slot is not None:
        raise ConfigError("no model is asked about a call of a tool", where=where, fix="no `slot`")


def _require_no_places(rule: GuardRule, where: str) -> None:
    if rule.action in REPLACING:
        raise ConfigError(
            f"{rule.signal!r} points at no part of a text that could be replaced",
            where=where,
            fix="flag or block with it",
        )
    if rule.kinds or rule.but:
        raise ConfigError(
            f"{rule.signal!r} makes no findings, so none are of a kind",
            where=where,
            fix="leave out `kinds` and `but`",
        )


def _few(kinds: Sequence[str]) -> str:
    more = f" and {len(kinds) - _MOST_SHOWN} more" if len(kinds) > _MOST_SHOWN else ""
    return ", ".join(kinds[:_MOST_SHOWN]) + more
