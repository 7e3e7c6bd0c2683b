"""What labels make of a judge's numbers: the debiased mean of a run, and a panel's honest interval.

Pure. A run's scores and people's labels of some of its answers go in, estimates come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from trimtab.experiments.labels import keys_of
from trimtab.measures.panels import panel_mean
from trimtab.measures.prediction_powered import MIN_LABELS, debiased_mean
from trimtab.records import Estimate, Result, Score


def debiased(
    scores: Mapping[str, float | None],
    labels: Mapping[str, float | None],
    *,
    groups: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> Estimate | None:
    """The mean label that a run would have got of people, by PPI++ (Angelopoulos et al. 2023).

    It holds whatever the judge is like, if the labelled answers are a random sample of the run's.

    Args:
        scores: the judge's number of each example, None where it has none.
        labels: people's, of the same answers and on the scale that they are to be stated in.
        groups: the cluster of an example that belongs to one.
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
    return Estimate(
        value=found.value,
        low=found.low,
        high=found.high,
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


def panel_estimate(
    results: Sequence[Result],
    metric: str,
    *,
    groups: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> Estimate | None:
    """Mean of a panel's votes, as sure as its least sure judge; None where no panel voted.

    Adding a judge never makes it narrower by the square root of their number. Cases that not all
    judges scored are left out. Repeats of a case are averaged before.
    """
    votes: dict[str, list[Mapping[str, float | None]]] = {}
    for result in results:
        for score in result.scores:
            if score.name == metric and "votes" in score.metadata:
                votes.setdefault(result.example_id, []).append(score.metadata["votes"])
    models = list(dict.fromkeys(name for each in votes.values() for one in each for name in one))
    whole = {
        name: means
        for name, each in votes.items()
        if (means := [_mean([one.get(model) for one in each]) for model in models])
        and all(mean is not None for mean in means)
    }
    if len(models) < 2 or len(whole) < 2:
        return None
    keys = keys_of(whole, groups or {})
    table = [[means[place] or 0.0 for means in whole.values()] for place in range(len(models))]
    unit = all(0 <= vote <= 1 for row in table for vote in row)
    found = panel_mean(
        table, scale=(0.0, 1.0) if unit else None, clusters=keys, confidence=confidence
    )
    return Estimate(
        value=found.value,
        low=found.low,
        high=found.high,
        n=len(whole),
        total=len({result.example_id for result in results}),
        confidence=confidence,
        method=f"panel of {len(models)}, as sure as its least sure judge",
    )


def as_sure_as_its_judges(
    headline: Estimate,
    results: Sequence[Result],
    metric: str,
    *,
    groups: Mapping[str, str] | None = None,
) -> Estimate:
    """The headline of a panel's metric with an interval no shorter than its least sure judge's.

    That of another metric is returned as it is.
    """
    panel = panel_estimate(results, metric, groups=groups, confidence=headline.confidence)
    if panel is None or None in (panel.value, panel.low, panel.high, headline.value, headline.low):
        return headline
    middle, value = panel.value or 0.0, headline.value or 0.0
    low, high = value - (middle - (panel.low or 0.0)), value + ((panel.high or 0.0) - middle)
    if headline.low is not None and headline.high is not None:
        low, high = min(low, headline.low), max(high, headline.high)
    if 0 <= value <= 1 and (panel.low or 0.0) >= 0 and (panel.high or 0.0) <= 1:
        low, high = max(0.0, low), min(1.0, high)
    return msgspec.structs.replace(headline, low=low, high=high, method=panel.method)


def _mean(votes: Sequence[float | None]) -> float | None:
    known = [vote for vote in votes if isinstance(vote, int | float)]
    return sum(known) / len(known) if len(known) == len(votes) and known else None
