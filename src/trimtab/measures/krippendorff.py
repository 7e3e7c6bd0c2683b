"""Krippendorff's alpha: agreement of any number of raters, on any scale, with missing ratings.

Pure numpy. How its interval is made, and what it says where nothing varies, is in `agreement`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from trimtab.errors import MeasureError
from trimtab.measures.agreement import Disagreement, chance_corrected
from trimtab.measures.clusters import FloatArray, IntArray
from trimtab.measures.intervals import Measured

__all__ = ["Level", "krippendorff_alpha"]

Level = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable | None]],
    level: Level = "nominal",
    *,
    labels: Sequence[Hashable] | None = None,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Krippendorff's alpha, 1 - observed / expected disagreement (Krippendorff 2011).

    Disagreement is the mean of delta^2 over pairs of ratings: of one unit (a unit with m ratings
    counts m times), and of any two ratings at all. delta^2 is 1 for different labels (nominal),
    the squared difference of mean ranks (ordinal), (a - b)^2 (interval), or ((a - b) / (a + b))^2
    (ratio).

    Args:
        ratings: one row per rater, one entry per unit, None where a rater gave no rating.
        level: what the differences of ratings mean.
        labels: the order of labels that are not numbers, for the ordinal level.
        clusters: one key per unit; units of one cluster are not independent.
    Raises:
        MeasureError: rows of different length, fewer than two units with two ratings, ratings that
            are not finite numbers (interval, ratio) or negative (ratio), or an order that is
            missing or lacks a label.

    >>> raters = [[1, 2, 3, None], [1, 2, 3, 3], [None, 2, 2, 3]]
    >>> round(krippendorff_alpha(raters).value, 3)
    0.719
    """
    units, keys = _pairable(ratings, clusters)
    scale = _scale(units, level, labels)
    rows, cells = _rows(units, scale)
    k = len(scale.labels)
    fixed = None if level == "ordinal" else _differences(scale.numbers, level)

    def parts(totals: FloatArray) -> Disagreement:
        counts, pairs = totals[:, :k], totals[:, k:]
        n = counts.sum(axis=1)
        if fixed is None:
            ranks = np.cumsum(counts, axis=1) - counts / 2
            square = (counts * ranks**2).sum(axis=1)
            whole = 2 * (n * square - (counts * ranks).sum(axis=1) ** 2)
            apart = (ranks[:, cells[:, 0]] - ranks[:, cells[:, 1]]) ** 2
            most = np.maximum((ranks[:, -1] - ranks[:, 0]) ** 2, 1e-300)
        else:
            whole = np.einsum("bi,ij,bj->b", counts, fixed, counts, optimize=True)
            apart = fixed[cells[:, 0], cells[:, 1]][None, :]
            most = np.full(len(totals), max(float(fixed.max()), 1e-300))
        observed = (pairs * apart).sum(axis=1) / (np.maximum(n, 1) * most)
        return Disagreement(observed, whole / (np.maximum(n * (n - 1), 1) * most))

    return chance_corrected(rows, parts, keys, confidence)


Unit = list[Hashable]


def _pairable(
    ratings: Sequence[Sequence[Hashable | None]], clusters: Sequence[Hashable] | None
) -> tuple[list[Unit], list[Hashable] | None]:
    """The ratings of each unit that has two or more, and its cluster."""
    lengths = {len(row) for row in ratings}
    if len(lengths) > 1:
        raise MeasureError(
            "every rater needs an entry for every unit",
            fix="write None where a rater gave no rating",
            got=sorted(lengths),
        )
    if clusters is not None and lengths != {len(clusters)}:
        raise MeasureError("every unit needs a cluster key", clusters=len(clusters))
    units = [[r for r in unit if r is not None] for unit in zip(*ratings, strict=True)]
    kept = [i for i, unit in enumerate(units) if len(unit) > 1]
    if len(kept) < 2:
        raise MeasureError("alpha needs two units with two ratings each", got=len(kept))
    keys = None if clusters is None else [clusters[i] for i in kept]
    return [units[i] for i in kept], keys


class _Scale(NamedTuple):
    labels: list[Hashable]
    numbers: FloatArray


def _scale(units: list[Unit], level: Level, labels: Sequence[Hashable] | None) -> _Scale:
    """The labels that occur, in order, and the numbers that they are."""
    found = dict.fromkeys(rating for unit in units for rating in unit)
    if labels is not None:
        order = [label for label in dict.fromkeys(labels) if label in found]
        if len(order) < len(found):
            raise MeasureError(
                "a rating is not on the scale", allowed=[str(label) for label in labels]
            )
    elif level == "nominal":
        order = list(found)
    else:
        order = _sorted(list(found), level)
    numeric = level in ("interval", "ratio")
    numbers = [_number(label, level) if numeric else 0.0 for label in order]
    return _Scale(order, np.array(numbers, dtype=np.float64))


def _sorted(found: list[Hashable], level: Level) -> list[Hashable]:
    if any(isinstance(label, str) for label in found):
        raise MeasureError(
            f"the {level} level needs numbers, or the order of the labels",
            fix="give labels in their order" if level == "ordinal" else "rate in numbers",
        )
    return sorted(found, key=lambda label: _number(label, level))


def _number(label: Hashable, level: Level) -> float:
    try:
        number = float(label)  # type: ignore[arg-type]  # what is no number is refused below
    except (TypeError, ValueError):
        raise MeasureError(f"the {level} level needs numbers", got=str(label)) from None
    if not np.isfinite(number) or (level == "ratio" and number < 0):
        raise MeasureError(f"not a rating on the {level} level", got=number)
    return number


def _differences(numbers: FloatArray, level: Level) -> FloatArray:
    """Squared differences of any two labels, shape (k, k)."""
    if level == "nominal":
        return 1 - np.eye(len(numbers))
    apart = numbers[:, None] - numbers[None, :]
    if level == "ratio":
        total = numbers[:, None] + numbers[None, :]
        apart = apart / np.where(total > 0, total, 1.0)
    return np.asarray(apart**2)


def _rows(units: list[Unit], scale: _Scale) -> tuple[FloatArray, IntArray]:
    """What each unit adds to the totals, and the pairs of different labels that occur.

    A row holds how often the unit got each label, then for each pair of different labels its share
    of the coincidences of the unit, 2 / (m - 1) for every such pair among its m ratings.
    """
    number = {label: i for i, label in enumerate(scale.labels)}
    k = len(number)
    counts = np.zeros((len(units), k))
    for row, unit in zip(counts, units, strict=True):
        for rating in unit:
            row[number[rating]] += 1
    weight = 2 / (counts.sum(axis=1) - 1)
    cells: dict[tuple[int, int], int] = {}
    entries: list[tuple[int, int, float]] = []
    for u, row in enumerate(counts):
        given = np.flatnonzero(row)
        for i, c in enumerate(given):
            for d in given[i + 1 :]:
                cell = cells.setdefault((int(c), int(d)), len(cells))
                entries.append((u, cell, row[c] * row[d] * weight[u]))
    pairs = np.zeros((len(units), len(cells)))
    for u, cell, share in entries:
        pairs[u, cell] = share
    found = np.array(list(cells), dtype=np.intp).reshape(-1, 2)
    return np.hstack([counts, pairs]), found
