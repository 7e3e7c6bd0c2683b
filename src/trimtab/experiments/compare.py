"""Two runs compared on one metric, over the examples that both were scored on.

Scores by example id flow in, one `Comparison` with intervals, test and minimum detectable effect
flows out. Pure: no I/O, and the only randomness is seeded. It decides nothing; `gate` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trimtab.errors import MeasureError
from trimtab.experiments import bounded
from trimtab.experiments.bounded import Keys, Scale
from trimtab.experiments.findings import TOO_FEW
from trimtab.measures import intervals, power, significance
from trimtab.measures.clusters import FloatArray
from trimtab.measures.intervals import Interval
from trimtab.records import Comparison, Estimate

__all__ = ["compare", "summarise"]

Scores = Mapping[str, float | None]


def compare(
    metric: str,
    baseline: Scores,
    candidate: Scores,
    *,
    binary: bool,
    higher_is_better: bool = True,
    scale: Scale | None = None,
    clusters: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare a candidate with a baseline on the same examples.

    Pairs are the ids scored in both; coverage is pairs / ids in either. Both headlines are over the
    pairs, so that they differ by the difference. Tests and intervals:

    - pass/fail: exact McNemar (1947); Tango's (1998) interval; Wilson for the two rates;
    - pass/fail with clusters of several pairs, and every other metric: sign flips of whole clusters
      (exact where affordable, which `test` says); Student's t with cluster-robust errors, widened
      for skewness and for rarely changing scores (`intervals.rare_interval`).

    Args:
        metric: its name; numbers stay in its own unit.
        baseline, candidate: score by example id; None where there is none.
        binary: every score is 0 or 1.
        scale: the least and the greatest value a score can take; None where nobody says.
        clusters: example id -> the group its errors are correlated in; an id without is its own.
        seed: for the sign flips, where they are sampled.
    Returns:
        A comparison without outcome. Where an interval is undefined its bounds are None: no pair;
        of a metric that is not pass/fail, one independent pair, or no scale and too few pairs that
        deviate from the usual difference.
    Raises:
        MeasureError: a score is NaN or infinite, or not 0 or 1 though `binary`.
    """
    pairs = _paired(metric, baseline, candidate, clusters, binary)
    own = bounded.scale_of(
        pairs.everything, binary=binary, higher_is_better=higher_is_better, declared=scale
    )
    view = _View(binary, confidence, own)
    p_value, test = _test(pairs, binary, seed)
    return Comparison(
        metric=metric,
        higher_is_better=higher_is_better,
        baseline=_headline(pairs.before, pairs.keys, pairs.total, view),
        candidate=_headline(pairs.after, pairs.keys, pairs.total, view),
        difference=_difference(pairs, view),
        changed=int(np.count_nonzero(pairs.differences)),
        p_value=p_value,
        test=test,
        detectable=_detectable(pairs, view),
    )


def summarise(
    metric: str,
    scores: Scores,
    *,
    binary: bool,
    higher_is_better: bool = True,
    scale: Scale | None = None,
    clusters: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The headline of one run on one metric: its mean, with an interval and its coverage.

    Arguments as for `compare`. No score at all gives a value of None.

    >>> e = summarise("exact", {"a": 1.0, "b": 0.0, "c": 1.0, "d": None}, binary=True)
    >>> e.n, e.total, round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (3, 4, 0.667, 0.208, 0.939)
    """
    ids = sorted(name for name, score in scores.items() if score is not None)
    values = _numbers(metric, scores, ids, binary)
    own = bounded.scale_of(values, binary=binary, higher_is_better=higher_is_better, declared=scale)
    view = _View(binary, confidence, own)
    return _headline(values, _keys(ids, clusters), len(scores), view)


class _View(NamedTuple):
    """How the numbers are to be looked at."""

    binary: bool
    confidence: float
    scale: Scale | None


class _Pairs(NamedTuple):
    before: FloatArray
    after: FloatArray
    keys: Keys
    total: int

    @property
    def differences(self) -> FloatArray:
        return self.after - self.before

    @property
    def everything(self) -> FloatArray:
        return np.concatenate([self.before, self.after])


def _paired(
    metric: str,
    baseline: Scores,
    candidate: Scores,
    clusters: Mapping[str, str] | None,
    binary: bool,
) -> _Pairs:
    total = len(baseline.keys() | candidate.keys())
    both = sorted(
        name
        for name, score in baseline.items()
        if score is not None and candidate.get(name) is not None
    )
    return _Pairs(
        before=_numbers(metric, baseline, both, binary),
        after=_numbers(metric, candidate, both, binary),
        keys=_keys(both, clusters),
        total=total,
    )


def _numbers(metric: str, scores: Scores, ids: Sequence[str], binary: bool) -> FloatArray:
    values = np.array([scores[name] for name in ids], dtype=np.float64)
    wrong = ~np.isfinite(values) | (binary & (values != 0) & (values != 1))
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise MeasureError(
            f"{metric}: {values[where]} is not a score" + (" of 0 or 1" if binary else ""),
            where=f"example {ids[where]}",
            fix="leave an example that could not be scored as None",
            metric=metric,
        )
    return values


def _keys(ids: Sequence[str], clusters: Mapping[str, str] | None) -> Keys:
    """Cluster of each id, or None where every id is alone in its cluster."""
    if not clusters:
        return None
    named = [clusters.get(name) for name in ids]
    keys = [
        f"example {i}" if k is None else f"cluster {k}" for i, k in zip(ids, named, strict=True)
    ]
    return keys if len(set(keys)) < len(keys) else None


def _groups(n: int, keys: Keys) -> int:
    return n if keys is None else len(set(keys))


def _over(keys: Keys) -> str:
    if keys is None:
        return ""
    count = len(set(keys))
    return f" over {count} cluster" + ("" if count == 1 else "s")


def _headline(values: FloatArray, keys: Keys, total: int, view: _View) -> Estimate:
    n = len(values)
    mean = float(values.mean()) if n else None
    method, bounds = "none", None
    if view.binary and n and keys is None:
        method, bounds = "Wilson", intervals.wilson(int(values.sum()), n, view.confidence)
    elif _groups(n, keys) < 2:
        pass
    elif view.binary and keys is not None:
        bounds = intervals.clustered_rate(values, keys, view.confidence)
        method = "Wilson" + _over(keys)
    else:
        bounds = bounded.mean_within(values, keys, view.confidence, view.scale)
        method = TOO_FEW if bounds is None else "Student and Hall" + _over(keys)
    return _estimate(mean, bounds, n, total, view, method)


def _estimate(
    value: float | None, bounds: Interval | None, n: int, total: int, view: _View, method: str
) -> Estimate:
    return Estimate(
        value=value,
        low=None if bounds is None else bounds.low,
        high=None if bounds is None else bounds.high,
        n=n,
        total=total,
        confidence=view.confidence,
        method=method,
    )


def _counts(differences: FloatArray) -> tuple[int, int]:
    """Pairs that went from pass to fail, and from fail to pass."""
    return int((differences < 0).sum()), int((differences > 0).sum())


def _difference(pairs: _Pairs, view: _View) -> Estimate:
    differences, keys = pairs.differences, pairs.keys
    n = len(differences)
    mean = float(differences.mean()) if n else None
    method, bounds = "none", None
    if view.binary and n and keys is None:
        method = "Tango"
        bounds = intervals.tango(*_counts(differences), n, view.confidence)
    elif _groups(n, keys) >= 2:
        bounds = bounded.mean_within(differences, keys, view.confidence, bounded.apart(view.scale))
        method = TOO_FEW if bounds is None else "Student and Hall" + _over(keys)
    return _estimate(mean, bounds, n, pairs.total, view, method)


def _test(pairs: _Pairs, binary: bool, seed: int) -> tuple[float | None, str]:
    differences = pairs.differences
    if len(differences) == 0:
        return None, ""
    if binary and pairs.keys is None:
        return significance.mcnemar(*_counts(differences)), "exact McNemar"
    flipped = significance.sign_flip(differences, pairs.keys, seed=seed)
    kind = "exact" if flipped.exact else "sampled"
    return flipped.p_value, f"{kind} sign flip{_over(pairs.keys)}"


def _detectable(pairs: _Pairs, view: _View) -> float | None:
    """The true difference these pairs would have shown at two-sided 5 % with 80 % power."""
    differences, keys = pairs.differences, pairs.keys
    n, g = len(differences), _groups(len(differences), keys)
    if n == 0:
        return None
    if view.binary and keys is None:
        return power.mcnemar_detectable(n, changed=sum(_counts(differences)) / n)
    if g < 2:
        return None
    return bounded.detectable(differences, keys, bounded.apart(view.scale))
