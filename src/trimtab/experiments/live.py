"""Two releases in live traffic, compared while it comes in; to be looked at at any time. Pure.

Scores of calls by release go in, in the order of the calls; by how much one exceeds the other comes
out, with an interval that holds at all looks together (`measures.sequential`). Usual intervals
looked at again and again until one of them says something mislead; these do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from trimtab.errors import InvalidRequest
from trimtab.measures.sequential import Capital, capital
from trimtab.measures.sequential import p_value as p_of

Proved = Literal["better", "worse"]


class LiveScore(NamedTuple):
    """The judgement of one call. Calls of one session go together: they are one score."""

    release: str
    session: str
    number: float


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One release: its mean score, over so many sessions or single calls."""

    release: str
    sessions: int
    calls: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class LiveComparison(msgspec.Struct, frozen=True, kw_only=True):
    """`difference` is new - base with its bounds, all valid at any time.

    `evidence` says at least how unlikely these scores are without a difference, as a p-value that
    holds however often one has looked. `sentence` says all of it in words.
    """

    route: str
    score: str
    base: Arm
    new: Arm
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    confidence: float = 0.95
    proved: Proved | None = None
    sentence: str = ""


ANY_TIME = "It may be looked at at any time, and stopped on: the interval holds at every look."


def compared(
    scores: Iterable[LiveScore],
    *,
    route: str,
    score: str,
    base: str,
    new: str,
    low: float = 0.0,
    high: float = 1.0,
    higher_is_better: bool = True,
    confidence: float = 0.95,
) -> LiveComparison:
    """Compare the live scores of two releases.

    Args:
        scores: in the order of the calls; those of other releases are left out.
        low, high: the bounds that the score has by definition, not those seen.
    Raises:
        InvalidRequest: a score outside its bounds.
    """
    arms = {release: _gathered(scores, release) for release in (base, new)}
    if not low < high:
        raise InvalidRequest("a score has bounds, the first below the second", where="bounds")
    streams = {name: _stream(means, low, high, score) for name, (means, _) in arms.items()}
    sides = {name: _arm(name, arms[name], streams[name], confidence) for name in arms}
    found = LiveComparison(
        route=route, score=score, base=sides[base], new=sides[new], confidence=confidence
    )
    if streams[base].n and streams[new].n:
        over = streams[new].over(streams[base], confidence)
        found = msgspec.structs.replace(
            found,
            difference=over.value,
            low=over.low,
            high=over.high,
            p_value=p_of(streams[new].evidence_over(streams[base])),
            proved=_proved(over.low, over.high, higher_is_better),
        )
    return msgspec.structs.replace(found, sentence=_sentence(found, low, high))


def _gathered(scores: Iterable[LiveScore], release: str) -> tuple[list[float], int]:
    """The mean of each session, in the order in which sessions began."""
    found: dict[str, list[float]] = {}
    for each in scores:
        if each.release == release:
            found.setdefault(each.session, []).append(each.number)
    return [sum(own) / len(own) for own in found.values()], sum(map(len, found.values()))


def _stream(means: Sequence[float], low: float, high: float, score: str) -> Capital:
    outside = [mean for mean in means if not low <= mean <= high]
    if outside:
        raise InvalidRequest(
            f"{score[:100]} is {outside[0]:g} somewhere, outside [{low:g}, {high:g}]",
            where="bounds",
            fix="give the least and the greatest value that the score can have",
        )
    return capital(low, high).plus(np.asarray(means, dtype=np.float64))


def _arm(release: str, own: tuple[list[float], int], stream: Capital, confidence: float) -> Arm:
    means, calls = own
    if not means:
        return Arm(release=release, sessions=0, calls=0)
    around = stream.interval(confidence)
    return Arm(
        release=release,
        sessions=len(means),
        calls=calls,
        mean=stream.mean,
        low=around.low,
        high=around.high,
    )


def _proved(low: float, high: float, higher_is_better: bool) -> Proved | None:
    if low > 0:
        return "better" if higher_is_better else "worse"
    if high < 0:
        return "worse" if higher_is_better else "better"
    return None


def _sentence(found: LiveComparison, low: float, high: float) -> str:
    base, new = found.base, found.new
    missing = [arm.release for arm in (base, new) if not arm.sessions]
    if missing:
        return f"There is no {found.score} of {' or of '.join(missing)} yet. {ANY_TIME}"
    sizes = f"{new.sessions:,} against {base.sessions:,} sessions"
    numbers = f"{_change(found, low, high)}, {sizes}"
    if found.proved is None:
        said = f"{new.release} and {base.release} are not told apart by {found.score} yet"
        return f"{said} ({numbers}). {ANY_TIME}"
    said = f"{new.release} is proved {found.proved} than {base.release} on {found.score}"
    return f"{said} ({numbers}). {ANY_TIME}"


def _change(found: LiveComparison, low: float, high: float) -> str:
    numbers = [found.difference or 0.0, found.low or 0.0, found.high or 0.0]
    if (low, high) == (0.0, 1.0):
        value, under, over = (f"{100 * number:+.1f}" for number in numbers)
        return f"{value} points [{under}, {over}]"
    value, under, over = (f"{number:+.3g}" for number in numbers)
    return f"{value} [{under}, {over}]"
