"""What labels make of a judge's numbers: the debiased mean of a run, and a panel's honest interval.

Pure. A run's scores and people's labels of some of its answers go in, estimates come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from trimtab.experiments.bounded import Scale, apart, within
from trimtab.experiments.labels import keys_of
from trimtab.measures.intervals import Interval
from trimtab.measures.panels import panel_mean
from trimtab.measures.prediction_powered import MIN_LABELS, debiased_mean
from trimtab.records import Comparison, Estimate, Result, Score


def debiased(
    scores: Mapping[str, float | None],
    labels: Mapping[str, float | None],
    *,
    groups: Mapping[str, str] | None = None,
    scale: Scale | None = None,
    confidence: float = 0.95,
) -> Estimate | None:
    """The mean label that a run would have got of people, by PPI++ (Angelopoulos et al. 2023).

    It holds whatever the judge is like, if the labelled answers are a random sample of the run's.

    Args:
        scores: the judge's number of each example, None where it has none.
        labels: people's, of the same answers and on the scale that they are to be stated in.
        groups: the cluster of an example that belongs to one.
        scale: what bounds every label. The mean label lies within it too, so that the estimate and
            its interval end where it does, which makes neither less often right.
    Returns:
        None with fewer than 30 labels of judged answers, or where those lie in fewer than four
        clusters. `n` counts judged examples, `method` says how many labels there were and what
        they are worth with the judge's help.

    >>> judged = {str(i): float(i % 4 > 0) for i in range(200)}
    >>> found = debiased(judged, {str(i): float(i % 4 > 1) for i in range(60)})
    >>> round(found.value, 2), found.n, found.method
    (0.5, 200, 'PPI++, 60 labels worth 75')
    """
    judged = {name: number for name, number in scores.items() if number is not None}
    known = [labels.get(name) for name in judged]
    keys = keys_of(judged, groups or {})
    count = sum(label is not None for label in known)
    if count < MIN_LABELS:
        return None
    if keys is not None:
        pairs = zip(keys, known, strict=True)
        if len({key for key, label in pairs if label is not None}) < 4:
            return None
    found = debiased_mean(list(judged.values()), known, clusters=keys, confidence=confidence)
    low, high = within(Interval(found.low, found.high), scale)
    return Estimate(
        value=within(Interval(found.value, found.value), scale).low,
        low=low,
        high=high,
        n=len(judged),
        total=len(scores),
        confidence=confidence,
        method=f"PPI++, {count} labels worth {found.effective_labels:.0f}",
    )


def labels_of(scores: Iterable[Score], metric: str) -> dict[str, float]:
    """People's numbers under the name of a metric, by example: what `debiased` takes as labels.

    The later of two labels of one example counts.
    """
    found = [
        score
        for score in scores
        if score.name == metric and score.source == "human" and score.target.kind == "example"
    ]
    return {
        score.target.id: score.number
        for score in sorted(found, key=lambda score: score.time_ns)
        if score.number is not None
    }


Votes = Mapping[str, Mapping[str, float]]
"""What each judge of a panel says, by example and judge; of cases that all of them judged."""


def votes_of(results: Iterable[Result], metric: str) -> Votes:
    """The votes of a panel on a metric; empty where no panel voted. Repeats of a case are averaged.

    Cases that not all judges scored are left out.
    """
    found: dict[str, list[Mapping[str, float | None]]] = {}
    for result in results:
        for score in result.scores:
            if score.name == metric and "votes" in score.metadata:
                found.setdefault(result.example_id, []).append(score.metadata["votes"])
    models = list(dict.fromkeys(name for each in found.values() for one in each for name in one))
    means = {
        name: {model: _mean([one.get(model) for one in each]) for model in models}
        for name, each in found.items()
    }
    return {
        name: {model: mean for model, mean in each.items() if mean is not None}
        for name, each in means.items()
        if None not in each.values()
    }


def panel_estimate(
    results: Sequence[Result],
    metric: str,
    *,
    groups: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> Estimate | None:
    """Mean of a panel's votes, as sure as its least sure judge; None where no panel voted.

    Adding a judge never makes it narrower by the square root of their number. Cases that not all
    judges scored are left out.
    """
    votes = votes_of(results, metric)
    unit = all(0 <= vote <= 1 for each in votes.values() for vote in each.values())
    total = len({result.example_id for result in results})
    return _estimate(votes, groups or {}, confidence, total, scale=(0.0, 1.0) if unit else None)


def as_sure_as_its_judges(
    headline: Estimate,
    results: Sequence[Result],
    metric: str,
    *,
    groups: Mapping[str, str] | None = None,
    scale: Scale | None = None,
) -> Estimate:
    """The headline of a panel's metric with an interval no shorter than its least sure judge's.

    That of another metric is returned as it is.

    Args:
        scale: what bounds the metric, where the interval ends; without it numbers of a panel all of
            whose votes are shares are shares.
    """
    panel = panel_estimate(results, metric, groups=groups, confidence=headline.confidence)
    if panel is None or None in (panel.low, panel.high):
        return headline
    if scale is None and (panel.low or 0.0) >= 0 and (panel.high or 0.0) <= 1:
        scale = (0.0, 1.0)
    return _ending(_no_shorter(headline, panel), scale)


def compared_as_sure(
    found: Comparison,
    before: Sequence[Result],
    after: Sequence[Result],
    *,
    groups: Mapping[str, str] | None = None,
    scale: Scale | None = None,
) -> Comparison:
    """A comparison by a panel with no interval shorter than that of its least sure judge.

    Of the difference that is the judge whose own differences, case by case, say the least. A
    comparison by anything else is returned as it is. `scale` is what bounds the metric.
    """
    old, new = votes_of(before, found.metric), votes_of(after, found.metric)
    moved = {
        name: {model: vote - old[name][model] for model, vote in each.items() if model in old[name]}
        for name, each in new.items()
        if name in old
    }
    confidence = found.difference.confidence
    panel = _estimate(moved, groups or {}, confidence, len(moved), scale=None)
    sides = {
        name: as_sure_as_its_judges(side, results, found.metric, groups=groups, scale=scale)
        for name, side, results in (
            ("baseline", found.baseline, before),
            ("candidate", found.candidate, after),
        )
    }
    difference = found.difference
    if panel is not None:
        difference = _ending(_no_shorter(difference, panel), apart(scale))
    longer = _length(difference) / (_length(found.difference) or 1.0)
    return msgspec.structs.replace(
        found,
        **sides,
        difference=difference,
        detectable=None if found.detectable is None else found.detectable * max(1.0, longer),
    )


def _estimate(
    votes: Votes,
    groups: Mapping[str, str],
    confidence: float,
    total: int,
    *,
    scale: tuple[float, float] | None,
) -> Estimate | None:
    models = list(next(iter(votes.values()), ()))
    if len(models) < 2 or len(votes) < 2:
        return None
    keys = keys_of(votes, groups)
    table = [[each[model] for each in votes.values()] for model in models]
    found = panel_mean(table, scale=scale, clusters=keys, confidence=confidence)
    return Estimate(
        value=found.value,
        low=found.low,
        high=found.high,
        n=len(votes),
        total=total,
        confidence=confidence,
        method=f"panel of {len(models)}, as sure as its least sure judge",
    )


def _length(estimate: Estimate) -> float:
    return (estimate.high or 0.0) - (estimate.low or 0.0)


def _no_shorter(estimate: Estimate, panel: Estimate) -> Estimate:
    """An estimate with arms at least as long as a panel's."""
    middle, value = panel.value, estimate.value
    if None in (estimate.low, estimate.high, value, middle, panel.low, panel.high):
        return estimate
    low = (value or 0.0) - ((middle or 0.0) - (panel.low or 0.0))
    high = (value or 0.0) + ((panel.high or 0.0) - (middle or 0.0))
    return msgspec.structs.replace(
        estimate,
        low=min(low, estimate.low or 0.0),
        high=max(high, estimate.high or 0.0),
        method=panel.method,
    )


def _ending(estimate: Estimate, scale: Scale | None) -> Estimate:
    """An estimate whose interval ends where the scale does, if its value is on it."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if scale is None or value is None or low is None or high is None:
        return estimate
    if not scale[0] <= value <= scale[1]:
        return estimate
    low, high = within(Interval(low, high), scale)
    return msgspec.structs.replace(estimate, low=low, high=high)


def _mean(votes: Sequence[float | None]) -> float | None:
    known = [vote for vote in votes if isinstance(vote, int | float)]
    return sum(known) / len(known) if len(known) == len(votes) and known else None
