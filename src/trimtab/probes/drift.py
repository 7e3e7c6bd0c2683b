"""Whether answers come from what gave the reference: an exact test, at every look. Pure.

If nothing changed, the answers to one question are exchangeable: the one of this look is as likely
to be the odd one out as each of the reference's. What is summed over the questions is how alike
each answer is to the others of its question, and the p-value is the exact share of all ways to
choose an answer for each question whose sum is as small (a permutation test, Fisher 1935; the
distribution of the sum is found by convolution, so no chance of a simulation is in it).

Looks follow each other, all against one reference. The t-th raises an alarm at alpha / (C n ln^2 n)
with n = t + 1 and C = 2.1097..., the sum of 1 / (n ln^2 n) from 2 on, so that all of them together
risk at most alpha, however long it goes on: a union bound, for which the looks need not be
independent, and which leaves late looks more than shares of 1 / t^2 would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from trimtab.probes.likeness import FloatArray

_ALL = 2.10975  # a little more than the sum of 1 / (n ln^2 n) over n >= 2, which is 2.109742...
_STEPS = 1000  # likeness is compared in thousandths
_MOST_CELLS = 400_000  # of the distribution; more questions are compared in coarser steps


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What a look shows: `likeness` of its answers to the reference's, `expected` of those to each
    other, and the p-value. `least` is the smallest p-value that so many questions can have."""

    likeness: float
    expected: float
    p_value: float
    least: float
    questions: int


def threshold(alpha: float, look: int) -> float:
    """The p-value up to which the look of this number, from 1, is an alarm.

    >>> [f"{threshold(0.01, look):.1e}" for look in (1, 10, 365)]
    ['4.9e-03', '7.5e-05', '3.7e-07']
    """
    number = look + 1
    return alpha / (_ALL * number * math.log(number) ** 2)


def drift_of(questions: Sequence[FloatArray]) -> Drift | None:
    """The test of one look.

    Args:
        questions: for each, the likeness of its answers to each other, shape (n, n); the last is
            the look's and the others are the reference's, of which there must be two or more.
    Returns:
        None without any question.
    """
    usable = [one for one in questions if len(one) >= 3]
    if not usable:
        return None
    odd = [_to_others(one) for one in usable]
    return Drift(
        likeness=float(np.mean([one[-1] for one in odd])),
        expected=float(np.mean([_within(one) for one in usable])),
        p_value=_p_value(odd),
        least=float(np.prod([1.0 / len(one) for one in odd])),
        questions=len(usable),
    )


def _to_others(alike: FloatArray) -> FloatArray:
    """How alike each answer is to the others, on average."""
    count = len(alike)
    total: FloatArray = (alike.sum(axis=1) - 1.0) / (count - 1)
    return total


def _within(alike: FloatArray) -> float:
    """How alike the reference's answers are to each other."""
    inner = alike[:-1, :-1]
    count = len(inner)
    return float((inner.sum() - count) / (count * (count - 1)))


def _p_value(odd: Sequence[FloatArray]) -> float:
    """The share of all ways to choose one answer a question whose sum is at most the look's."""
    steps = max(1, min(_STEPS, _MOST_CELLS // len(odd)))
    seen, shares = 0, np.ones(1)
    for each in odd:
        whole = np.rint(each * steps).astype(np.int64)
        offsets = whole - whole.min()
        seen += int(offsets[-1])
        wider = np.zeros(len(shares) + int(offsets.max()))
        for offset in offsets:
            wider[offset : offset + len(shares)] += shares / len(offsets)
        shares = wider
    return float(min(1.0, shares[: seen + 1].sum()))
