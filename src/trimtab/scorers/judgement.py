"""What a scorer's function may return, and how that becomes the content of a score.

A function's result goes in, named outcomes come out: bool is an assertion, a number a value on the
declared scale, a string a label, a dict several scores, None no judgement. Whatever cannot be read
so is an outcome with the status "error"; nothing here raises for a strange result.
"""

from __future__ import annotations

import inspect
import math
import numbers
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from trimtab.errors import ScorerError
from trimtab.records.score import ScoreStatus

Scale = Literal["binary", "unit"] | tuple[float, float | None] | None
"""Two bounds, the greater of which may be None: nothing bounds a time or a cost from above."""

NAME = re.compile(r"[a-zA-Z0-9_.\-/ ]{1,200}")
"""What a score may be called; matched in full."""

VERDICTS = "verdicts"
"""The member of a score's metadata that says that its value is a share of verdicts."""

MAX_REASON = 500
_NUMBER = numbers.Real | Decimal


class Unscored(msgspec.Struct, frozen=True):
    """There is nothing to judge, and why. Not a failure: an absence.

    `cost_usd` is what was paid to learn that, as for a judge whose answer could not be read.
    """

    reason: str
    cost_usd: Decimal | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement with its reason and evidence: exactly one of value, passed and label.

    `cost_usd` is what judging cost; None means unknown or nothing. `metadata` is for programs that
    look further than the judgement.

    >>> Judgement(value=0.5, reason="one of two sentences", evidence=("It is blue.",)).value
    0.5
    """

    value: float | None = None
    passed: bool | None = None
    label: str | None = None
    reason: str | None = None
    evidence: tuple[str, ...] = ()
    cost_usd: Decimal | None = None
    metadata: Mapping[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The content of one score, before it has a target, a time and an id."""

    status: ScoreStatus = "scored"
    value: float | None = None
    passed: bool | None = None
    label: str | None = None
    reason: str | None = None
    evidence: tuple[str, ...] = ()
    cost_usd: Decimal | None = None
    metadata: Mapping[str, Any] = {}


def bounds(scale: Scale) -> tuple[float, float] | None:
    """The least and the greatest value of a scale; None where any finite number is allowed.

    Raises:
        ScorerError: not a scale.

    >>> bounds("unit"), bounds((1, 5)), bounds((0, None)), bounds(None)
    ((0.0, 1.0), (1.0, 5.0), (0.0, inf), None)
    """
    if scale is None:
        return None
    if scale in ("binary", "unit"):
        return 0.0, 1.0
    if isinstance(scale, tuple) and len(scale) == 2:
        low, high = scale
        ends = [end for end in (low, 0 if high is None else high) if _is_number(end)]
        if len(ends) == 2 and all(map(math.isfinite, ends)):
            least, most = float(low), math.inf if high is None else float(high)
            if least < most:
                return least, most
    raise ScorerError(
        f"{scale!r} is not a scale",
        where="scale",
        fix='use "binary", "unit", (low, high) with low < high, (low, None), or None',
    )


def outcomes(
    name: str, result: object, scale: Scale, *, higher_is_better: bool = True
) -> dict[str, Outcome]:
    """The scores a result stands for, by score name; at least one.

    A dict yields one score for each key, named `name.key`. A bool says that what is measured is
    there: where less of it is better, it is the number 1 or 0 and passes where it is False. The
    `passed` of a `Judgement` is taken at its word.

    >>> outcomes("answer", {"short": True, "words": 12}, None)["answer.words"].value
    12.0
    >>> rude = outcomes("rude", True, None, higher_is_better=False)["rude"]
    >>> rude.value, rude.passed
    (1.0, False)
    """
    if not isinstance(result, Mapping):
        return {name: _found(result, scale, higher_is_better)}
    if not result:
        return {name: Outcome(status="unscored", reason="the scorer returned an empty dict")}
    strange = [key for key in result if not (isinstance(key, str) and NAME.fullmatch(key))]
    if strange or any(len(name) + 1 + len(key) > 200 for key in result):
        reason = f"not a name for a score: {(strange or [max(result, key=len)])[0]!r}"
        return {name: failed(reason)}
    return {f"{name}.{key}": _found(part, scale, higher_is_better) for key, part in result.items()}


def failed(reason: str, status: ScoreStatus = "error") -> Outcome:
    """An outcome without a judgement; the reason is cut to its longest allowed length."""
    return Outcome(status=status, reason=_clean(reason[:MAX_REASON]))


def _found(result: object, scale: Scale, higher_is_better: bool) -> Outcome:
    outcome = _outcome(result, scale)
    if higher_is_better or outcome.passed is None or isinstance(result, Judgement):
        return outcome
    return Outcome(value=float(outcome.passed), passed=not outcome.passed)


def _outcome(result: object, scale: Scale) -> Outcome:
    if isinstance(result, Judgement):
        return _read(result, scale)
    if isinstance(result, Unscored):
        missing = failed(str(result.reason) or "the scorer gave no reason", "unscored")
        cost = result.cost_usd
        return msgspec.structs.replace(missing, cost_usd=cost) if _is_cost(cost) else missing
    if result is None:
        return failed("the scorer returned None", "unscored")
    plain = _plain(result)
    if isinstance(plain, bool):
        return Outcome(passed=plain)
    if isinstance(plain, str):
        return (
            Outcome(label=_clean(plain)) if plain else failed("the scorer returned an empty label")
        )
    if isinstance(plain, _NUMBER):
        return _valued(plain, scale)
    if inspect.iscoroutine(result):
        result.close()
        return failed("the function returned a coroutine: declare it with async def")
    return failed(
        f"the scorer returned {_type(result)}: "
        "return a bool, a number, a str, a dict, None, Unscored or Judgement"
    )


def _read(judgement: Judgement, scale: Scale) -> Outcome:
    """A Judgement's fields are not checked when it is made, so they are checked here."""
    given = (judgement.value, judgement.passed, judgement.label)
    present = [part for part in given if part is not None]
    if len(present) != 1:
        return failed(f"a Judgement needs exactly one of value, passed and label: {given}")
    outcome = _outcome(present[0], scale)
    if outcome.status != "scored":
        return outcome
    cost_usd = judgement.cost_usd
    if cost_usd is not None and not _is_cost(cost_usd):
        return failed(f"the cost of judging is not a finite Decimal: {cost_usd!r}")
    return msgspec.structs.replace(
        outcome,
        reason=None if judgement.reason is None else _clean(str(judgement.reason)),
        evidence=tuple(_clean(str(piece)) for piece in judgement.evidence),
        cost_usd=cost_usd,
        metadata=judgement.metadata,
    )


def _is_cost(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()


def _valued(number: numbers.Real | Decimal, scale: Scale) -> Outcome:
    try:
        value = float(number)
    except (OverflowError, ValueError):
        value = math.inf
    if not math.isfinite(value):
        return failed(f"the scorer returned {str(number)[:50]}, which is not a finite number")
    limits = bounds(scale)
    if limits and not limits[0] <= value <= limits[1]:
        low, high = limits
        return failed(f"the scorer returned {value!r}, which is not in [{low:g}, {high:g}]")
    if scale == "binary" and value not in (0.0, 1.0):
        return failed(f"the scorer returned {value!r}, which is neither 0 nor 1")
    return Outcome(value=value)


def _clean(text: str) -> str:
    """A text that can be stored: half a surrogate pair, as in a broken file name, is replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _plain(result: Any) -> object:
    """A scalar of numpy or the like as Python's own; anything else as it is."""
    if hasattr(result, "dtype") and getattr(result, "shape", None) == ():
        return result.item()
    return result


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool)


def _type(value: object) -> str:
    return f"a value of type {type(value).__qualname__}"
