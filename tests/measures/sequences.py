"""Simulated confidence sequences: how often one misses the truth at any of forty looks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trimtab.measures.sequential import Capital, Tally, capital, tally

LOOKS = 40


class Arms(NamedTuple):
    """What arrives between two looks: scores of the baseline and of the candidate."""

    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
    truth: float
    # variance of the difference of means after one look
    variance: float


class Sequence(NamedTuple):
    empty: Callable[[], Tally | Capital]
    arms: Arms
    paired: bool


class Found(NamedTuple):
    missed: float
    relative_width: float


def rates(first: float, second: float, first_n: int, second_n: int) -> Arms:
    variance = first * (1 - first) / first_n + second * (1 - second) / second_n
    return Arms(
        lambda rng: (
            (rng.random(first_n) < first).astype(float),
            (rng.random(second_n) < second).astype(float),
        ),
        second - first,
        variance,
    )


def alike(n: int) -> Arms:
    """Pairs of which one in eight changes, either way."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        change = rng.choice([-1, 0, 1], size=n, p=[0.0625, 0.875, 0.0625])
        return (change == -1).astype(float), (change == 1).astype(float)

    return Arms(draw, 0.0, 0.125 / n)


SEQUENCES: dict[str, Sequence] = {
    "A/B of rates, .80 and .80, half each: tally": Sequence(
        lambda: tally(planned=400), rates(0.8, 0.8, 20, 20), False
    ),
    "A/B of rates, .80 and .75, half each: tally": Sequence(
        lambda: tally(planned=400), rates(0.8, 0.75, 20, 20), False
    ),
    "A/B of rates, .80 and .80, half each: capital": Sequence(
        lambda: capital(steps=500), rates(0.8, 0.8, 20, 20), False
    ),
    "A/B of rates, .98 and .96, half each: capital": Sequence(
        lambda: capital(steps=500), rates(0.98, 0.96, 20, 20), False
    ),
    "A/B of rates, .90 and .85, a tenth to the candidate: capital": Sequence(
        lambda: capital(steps=500), rates(0.9, 0.85, 36, 4), False
    ),
    "paired, 1 in 8 changes: tally": Sequence(lambda: tally(-1, 1, planned=400), alike(20), True),
    "paired, 1 in 8 changes: capital": Sequence(lambda: capital(-1, 1, steps=500), alike(20), True),
}


def ever_missed(sequence: Sequence, *, draws: int, seed: int = 0) -> Found:
    """Share of the draws in which the interval missed the truth at one look or more, and the mean
    width at the last look relative to an interval for that n alone."""
    rng = np.random.default_rng(seed)
    missed, width = 0, 0.0
    for _ in range(draws):
        baseline = candidate = sequence.empty()
        outside = False
        for _ in range(LOOKS):
            first, second = sequence.arms.draw(rng)
            if sequence.paired:
                candidate = candidate.plus(second - first)
                low, high = candidate.interval()
            else:
                baseline, candidate = baseline.plus(first), candidate.plus(second)
                _, low, high = candidate.over(baseline)
            outside |= not low <= sequence.arms.truth <= high
        missed += outside
        width += high - low
    fixed = 2 * 1.96 * math.sqrt(sequence.arms.variance / LOOKS)
    return Found(missed / draws, width / draws / fixed)
