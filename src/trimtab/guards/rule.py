"""Rule: one question of a policy, made ready to be asked of texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from trimtab.errors import ConfigError
from trimtab.guards import classes, thresholds
from trimtab.guards.acting import require_acting
from trimtab.kit.hashing import digest
from trimtab.ports import Place, Scorer
from trimtab.records import GuardRule
from trimtab.records.guard import ACTING, REPLACING, GuardAction, GuardMode, Mount, OnError
from trimtab.signals.catalogue import signal as signal_of
from trimtab.signals.finding import Finding, Reading
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

MakeSignal = Callable[..., Signal]
FindScorer = Callable[[str], Scorer]

_WRITTEN_BY_US = frozenset({"system", "developer", "assistant", "request"})
_PROVIDER = "provider"  # It says why there is no answer.
_CANARIES = "canaries"
_PER_BUDGET = 10_000  # characters
_SAMPLE = "Call me on +1 202-555-0147 or write to a@example.org: https://example.org/?key=1.\n"


class Hit(NamedTuple):
    """What a rule makes of a reading. `findings` are those that count."""

    fired: bool
    value: float | None
    findings: tuple[Finding, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its signal or its scorer, and everything that the policy left open decided."""

    said: GuardRule
    name: str
    mode: GuardMode
    threshold: float
    on_error: OnError
    signal: Signal | None = None
    scorer: Scorer | None = None
    canaries: tuple[str, ...] = ()
    version: str = "1"
    digest: str = ""

    @property
    def action(self) -> GuardAction:
        return self.said.action

    @property
    def acts(self) -> bool:
        """Whether it may change or refuse anything."""
        return self.mode == "enforce" and self.action in ACTING

    @property
    def replaces(self) -> bool:
        return self.action in REPLACING

    @property
    def window_chars(self) -> int | None:
        """How much of a stream it has to see at once."""
        if self.signal is None or self.action == "regenerate":
            return None
        return self.signal.lookback_chars

    @property
    def overlap_chars(self) -> int | None:
        """How much pieces of a text have to share; None where it is read as a whole."""
        if self.signal is None:
            return None
        if self.signal.lookback_chars is not None:
            return self.signal.lookback_chars
        found: int | None = getattr(self.signal, "overlap_chars", None)
        return found

    @property
    def is_quick(self) -> bool:
        """Whether its signal may be asked where others wait: one of ours, or one that says so."""
        ours = type(self.signal).__module__.startswith("trimtab.signals.")
        found: bool = getattr(self.signal, "is_quick", ours)
        return found

    def budget_s(self, chars: int) -> float:
        """Seconds for a check of so many characters."""
        return self.said.budget_ms / 1000 * max(1.0, min(chars, self.said.most_chars) / _PER_BUDGET)

    @property
    def ahead_chars(self) -> int:
        """How much it has to see behind a place of a stream to be sure of it."""
        window = self.overlap_chars or 0
        return min(window, getattr(self.signal, "lookahead_chars", window))

    def reads(self, mount: Mount, place: Place) -> bool:
        """Whether a text at a place is one of those that it is about."""
        if mount not in self.said.on:
            return False
        if place.role == _PROVIDER:
            return classes.is_of_any_words(self.said.signal)
        if mount != "input" or not classes.is_of_users(self.said.signal):
            return True
        return place.role not in _WRITTEN_BY_US

    def hit(self, reading: Reading) -> Hit:
        """Whether a reading makes it fire.

        A `unit` is the better the more; of risks and numbers more is worse.
        """
        some = bool(self.said.kinds or self.said.but)
        findings = reading.findings
        if some:
            findings = tuple(one for one in findings if self._counts(one.kind))
        if self.replaces:
            findings = tuple(one for one in findings if one.score >= self.threshold)
        value = reading.score
        if some and value is not None:
            value = max((one.score for one in findings), default=0.0)
        if value is None:
            return Hit(False, None)
        if self.signal is not None and self.signal.scale == "unit":
            return Hit(value < self.threshold, value, findings)
        return Hit(value >= self.threshold, value, findings)

    def _counts(self, kind: str) -> bool:
        said = self.said
        return kind not in said.but and (not said.kinds or kind in said.kinds)

    def warm(self) -> None:
        """Have a signal load what it reads with, so that no call waits for that."""
        if self.signal is not None:
            with suppress(Exception):  # What is wrong with it is said of every call.
                self.signal.read(Text(_SAMPLE))


def compiled(
    said: GuardRule,
    mode: GuardMode,
    *,
    make: MakeSignal = signal_of,
    scorer: FindScorer | None = None,
    made: dict[tuple[str, bytes], Signal] | None = None,
) -> Rule:
    """A rule made ready.

    Args:
        mode: the policy's, for a rule that has none.
        made: signals by their settings, so that rules of one policy share them.
    Raises:
        ConfigError, ScorerError: there is no such signal or scorer, it has no such settings, or
            the rule could never act.
    """
    settings: Mapping[str, Any] = said.settings
    canaries = settings.get(_CANARIES, ())
    if isinstance(canaries, str) or not all(isinstance(one, str) for one in canaries):
        raise ConfigError("`canaries` are texts", where=f"guards rule {said.called!r}")
    own = {name: value for name, value in settings.items() if name != _CANARIES}
    signal, judge = None, None
    if said.signal is not None:
        key = said.signal, msgspec.json.encode(own, order="deterministic")
        known = made if made is not None else {}
        if key not in known:
            known[key] = _made(make, said, own)
        signal = known[key]
        require_acting(said, signal)
    elif said.scorer is not None:
        if scorer is None:
            raise ConfigError(
                f"the rule {said.called!r} names a scorer, and there are none here",
                where="guards.rules",
            )
        judge = scorer(said.scorer)
    level = said.threshold
    if level is None:
        level = thresholds.threshold(said.signal) if said.signal else thresholds.PLAIN
    return Rule(
        said=said,
        name=said.called,
        mode=said.mode or mode,
        threshold=level,
        on_error=said.on_error or classes.on_error(said.signal),
        signal=signal,
        scorer=judge,
        canaries=tuple(canaries),
        version=_version(signal, judge),
        digest=digest([said, level, _exactly(signal, judge)])[:32],
    )


def _version(signal: Signal | None, scorer: Scorer | None) -> str:
    judge = signal or scorer
    return judge.version if judge is not None else "1"


def _exactly(signal: Signal | None, scorer: Scorer | None) -> str:
    """What tells one version of a judge from another."""
    if signal is not None:
        return signal.version
    return scorer.digest if scorer is not None else ""


def _made(make: MakeSignal, said: GuardRule, settings: Mapping[str, Any]) -> Signal:
    try:
        return make(said.signal or "", **settings)
    except ConfigError as error:
        error.where = error.where or f"guards rule {said.called!r}"
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the signal {said.signal!r} does not take these settings: {error}",
            where=f"guards rule {said.called!r}",
            fix="see `trimtab guard signals`",
        ) from None
