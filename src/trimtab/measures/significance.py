"""Tests of paired differences and corrections for testing several. Pure: numbers in, p-values out.

All p-values are two-sided. A test is exact wherever that is affordable; where it samples, it takes
a seed and never returns 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MeasureError
from trimtab.measures.clusters import FloatArray, totals
from trimtab.measures.distributions import binomial_cdf

__all__ = ["SignFlip", "benjamini_hochberg", "holm", "mcnemar", "sign_flip"]


def mcnemar(worse: int, better: int, *, mid_p: bool = False) -> float:
    """Exact McNemar test: of the cases that changed, is each direction equally likely?

    p = 2 P(X <= min(worse, better)), X ~ Binomial(worse + better, 1/2), at most 1 (McNemar 1947 in
    its exact form). `mid_p` counts half of the observed outcome (Fagerland et al. 2013): less
    conservative, no longer guaranteed.

    >>> round(mcnemar(10, 2), 5)
    0.03857
    """
    if worse < 0 or better < 0:
        raise MeasureError("counts cannot be negative", worse=worse, better=better)
    n, k = worse + better, min(worse, better)
    if n == 0:
        return 1.0
    p = 2 * binomial_cdf(k, n, 0.5)
    if mid_p:
        p -= binomial_cdf(k, n, 0.5) - binomial_cdf(k - 1, n, 0.5)
    return min(1.0, p)


class SignFlip(NamedTuple):
    p_value: float
    exact: bool


def sign_flip(
    differences: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int,
    flips: int = 9_999,
) -> SignFlip:
    """Paired permutation test of mean difference zero: swap the two runs of a whole cluster.

    p is the share of the sign assignments whose |sum| is at least the observed one (Fisher 1935).
    All of them are counted when few clusters changed, or when sums are whole numbers (as for
    pass/fail scores); otherwise `flips` are drawn and p = (b + 1) / (flips + 1) (Phipson & Smyth
    2010).

    >>> sign_flip([1.0, 1.0, 1.0, 0.0], seed=0)
    SignFlip(p_value=0.25, exact=True)
    """
    sums = totals(differences, clusters).sums
    sizes = np.abs(sums[sums != 0])
    if len(sizes) == 0:
        return SignFlip(1.0, True)
    # sums that are equal on paper differ in the last bits: count them as equal
    observed = abs(float(sums.sum())) - 1e-9 * float(sizes.sum())
    if len(sizes) <= 16:
        return SignFlip(_share_enumerated(sizes, observed), True)
    whole = bool((sizes == np.rint(sizes)).all())
    if whole and len(sizes) * sizes.sum() <= 20_000_000:
        return SignFlip(_share_of_whole_sums(sizes, observed), True)
    reached = _count_sampled(sizes, observed, seed, flips)
    return SignFlip((reached + 1) / (flips + 1), False)


def _share_enumerated(sizes: FloatArray, observed: float) -> float:
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums + size, sums - size])
    return float((np.abs(sums) >= observed).mean())


def _share_of_whole_sums(sizes: FloatArray, observed: float) -> float:
    """The exact distribution of a random-sign sum of whole numbers, one number at a time."""
    reach = int(sizes.sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for size in sizes.astype(np.intp):
        moved = np.zeros_like(chance)
        moved[size:] += chance[:-size]
        moved[:-size] += chance[size:]
        chance = moved / 2
    share = float(chance[np.abs(np.arange(-reach, reach + 1)) >= observed].sum())
    return min(1.0, share)


def _count_sampled(sizes: FloatArray, observed: float, seed: int, flips: int) -> int:
    rng = np.random.default_rng(seed)
    n = len(sizes)
    reached = 0
    rows = max(1, 4_000_000 // n)  # bounds the memory of one draw to some 32 MB
    for start in range(0, flips, rows):
        count = min(rows, flips - start)
        packed = np.frombuffer(rng.bytes(count * ((n + 7) // 8)), dtype=np.uint8)
        heads = np.unpackbits(packed.reshape(count, -1), axis=1, count=n)
        sums = 2 * (heads @ sizes) - sizes.sum()
        reached += int((np.abs(sums) >= observed).sum())
    return reached


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979).

    Rejecting where the adjusted value is below alpha keeps the chance of any false rejection below
    alpha, whatever the dependence.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = _probabilities(p_values)
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _in_order(np.minimum(scaled, 1.0), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg adjusted p-values, in the order given (1995): for exploring, not gating.

    Rejecting where the adjusted value is below q keeps the expected share of false rejections
    below q for independent (or positively dependent) tests.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    p = _probabilities(p_values)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    smallest = np.minimum.accumulate(scaled[::-1])[::-1]
    return _in_order(np.minimum(smallest, 1.0), order)


def _probabilities(p_values: Sequence[float]) -> FloatArray:
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise MeasureError("a p-value must lie in [0, 1]")
    return p


def _in_order(adjusted: FloatArray, order: npt.NDArray[np.intp]) -> list[float]:
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return [float(value) for value in result]
