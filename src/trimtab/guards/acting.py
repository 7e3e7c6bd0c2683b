"""Acting: whether a rule can ever do what it says, so that none stands there for show."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from trimtab.errors import ConfigError
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
    }
)
_KINDS: dict[str, tuple[str, ...]] = {
    "code": ("code_block",),
    "groundedness": ("unsupported",),
    "leak": ("canary", "prompt_leak"),
    "toxicity": ("toxicity",),
}


def require_acting(rule: GuardRule, signal: Signal) -> None:
    """Raises ConfigError for a rule of a signal that could never act, whatever it is shown."""
    name = rule.signal or ""
    where = f"guards rule {rule.called!r}"
    if name in _WITHOUT_FINDINGS:
        _require_no_places(rule, where)
    kinds = _kinds(rule, signal)
    if name == "bans" and kinds is not None and not kinds:
        raise ConfigError(
            "'bans' has no terms to look for",
            where=where,
            fix="list them in its settings as `terms`",
        )
    for kind in (*rule.kinds, *rule.but):
        if kinds is not None and kind not in kinds:
            close = get_close_matches(kind, kinds, n=1)
            raise ConfigError(
                f"the signal {name!r} finds nothing of the kind {kind[:100]!r}",
                where=where,
                fix=f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(kinds)}",
                allowed=kinds,
            )
    if name == "leak" and "output" not in rule.on:
        raise ConfigError(
            "'leak' compares answers with what was sent before them",
            where=where,
            fix="use `on: [output]`",
        )


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


def _kinds(rule: GuardRule, signal: Signal) -> Sequence[str] | None:
    """The kinds that the findings of a signal have; None where they are not known."""
    if rule.signal == "pii" and "recogniser" not in rule.settings:
        from trimtab.signals.pii.signal import KINDS

        return KINDS
    if rule.signal == "injection":
        from trimtab.signals.injection.rules import KINDS as FAMILIES

        return FAMILIES
    if rule.signal == "bans":
        # One that was not made from the catalogue may not say them.
        return getattr(signal, "kinds", None)
    return _KINDS.get(rule.signal or "")
