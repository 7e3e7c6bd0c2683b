"""How often attacks succeed: a rate with its interval for each technique and each OWASP item.

Attacks that were tried go in, from a run of our own or from another tool's report; rates come out.
Attacks that want the same thing tend to succeed together, so the interval is over goals: Wilson's
at the number of independent attempts that they are worth (`measures.intervals`). It says how well
the rate of attacks of this kind is known, not that there are no attacks of other kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from trimtab.measures.intervals import clustered_rate, effective_wilson, working_size

By = Literal["family", "technique", "owasp", "goal"]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attack that was tried; `succeeded` is None where nobody could tell."""

    technique: str
    succeeded: bool | None
    family: str = ""
    owasp: str = ""
    goal: str = ""
    reason: str = ""
    attack_id: str = ""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How often attacks of one kind succeeded; `rate` and its bounds are None where none counts.

    `goals`: how many different things the attacks that count wanted.
    """

    name: str
    succeeded: int
    tried: int
    unscored: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    goals: int = 0


def rate_of(name: str, tried: Iterable[Tried], *, confidence: float = 0.95) -> Rate:
    """The success rate of some attacks.

    An attack without a goal stands for itself.

    >>> found = rate_of("all", [Tried(technique="hex", succeeded=n < 2) for n in range(10)])
    >>> found.rate, round(found.low, 3), round(found.high, 3)
    (0.2, 0.057, 0.51)
    >>> same = [Tried(technique="hex", succeeded=False, goal="secret") for n in range(100)]
    >>> round(rate_of("all", same).high, 2), rate_of("all", same).goals
    (0.54, 1)
    """
    found = list(tried)
    known = [(number, each) for number, each in enumerate(found) if each.succeeded is not None]
    counted = [bool(each.succeeded) for _, each in known]
    unscored = len(found) - len(counted)
    if not counted:
        return Rate(name=name, succeeded=0, tried=0, unscored=unscored)
    goals = [each.goal or number for number, each in known]
    low, high = _interval(counted, goals, confidence)
    return Rate(
        name=name,
        succeeded=sum(counted),
        tried=len(counted),
        unscored=unscored,
        rate=sum(counted) / len(counted),
        low=low,
        high=high,
        goals=len(set(goals)),
    )


def _interval(
    outcomes: Sequence[bool], goals: Sequence[str | int], confidence: float
) -> tuple[float, float]:
    if len(set(goals)) > 1:
        return clustered_rate(outcomes, goals, confidence)
    rate = sum(outcomes) / len(outcomes)
    return effective_wilson(rate, working_size(goals), confidence)


def rates(tried: Sequence[Tried], by: By) -> list[Rate]:
    """A rate for each kind of attack, the worst first."""
    groups: dict[str, list[Tried]] = {}
    for each in tried:
        groups.setdefault(getattr(each, by) or "(none)", []).append(each)
    found = [rate_of(name, group) for name, group in groups.items()]
    return sorted(found, key=lambda each: (-(each.rate or 0.0), -each.tried, each.name))


def judged(total: Rate, limit: float, *, least_coverage: float = 0.98) -> tuple[str, str]:
    """Whether a success rate is within a limit: pass, fail or inconclusive, and why.

    The same rule as of every gate: the whole interval must be on one side of the limit, and enough
    attacks must have been judged.

    >>> judged(Rate(name="all", succeeded=0, tried=100, rate=0.0, low=0.0, high=0.037), 0.05)[0]
    'pass'
    """
    everything = total.tried + total.unscored
    if total.rate is None or total.low is None or total.high is None:
        return "inconclusive", "no attack was judged"
    said = f"{total.rate:.1%} [{total.low:.1%}, {total.high:.1%}] of {total.tried} attacks succeed"
    said += f" (on {total.goals} goals)" if total.goals else ""
    if total.low > limit:
        return "fail", f"{said}, above {limit:.1%}"
    if total.tried < least_coverage * everything:
        return "inconclusive", f"only {total.tried} of {everything} attacks were judged"
    if total.high <= limit:
        return "pass", f"{said}, not above {limit:.1%}"
    return "inconclusive", f"{said}, which does not settle whether that is above {limit:.1%}"
