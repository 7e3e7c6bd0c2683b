"""Correcting a run's judge: its scores, and people's labels of some of the same answers."""

from __future__ import annotations

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest, NotFound
from trimtab.experiments.debiasing import debiased, labels_of
from trimtab.experiments.repeats import clusters_of, scale_in, vectors_of
from trimtab.measures.prediction_powered import MIN_LABELS
from trimtab.records import Estimate, Example, Result, Run, Score


def corrected(run_id: str, metric: str, client: Client) -> tuple[Estimate, Estimate]:
    """A metric of a run as the judge has it, and as people's labels correct it.

    Raises:
        NotFound: there is no such run, or it has no such metric.
        InvalidRequest: there are too few labels.
    """
    run = msgspec.convert(client.get(api_path("runs", run_id)), Run)
    if metric not in run.metrics:
        raise NotFound(
            f"the run has no metric {metric[:100]!r}",
            where="metric",
            fix=f"name one of {', '.join(sorted(run.metrics)) or 'those of another run'}",
        )
    results = [msgspec.convert(row, Result) for row in client.results(run_id)]
    asked = {"run": run_id, "name": metric, "source": "human", "limit": 10_000}
    labels = labels_of(
        (msgspec.convert(row, Score) for row in client.each("/api/v1/scores", asked)), metric
    )
    names = list(dict.fromkeys(result.example_id for result in results))
    vector = vectors_of(results, names)[metric]
    scale = scale_in(metric, run.scorers, vector)
    if scale is not None and not all(scale[0] <= label <= scale[1] for label in labels.values()):
        scale = None
    scores = vector.values
    found = debiased(scores, labels, groups=_groups(run, client), scale=scale)
    if found is None:
        count = sum(scores.get(name) is not None for name in labels)
        raise InvalidRequest(
            f"{count} labels are too few to correct {metric}",
            where="labels",
            fix=f"label at least {MIN_LABELS} answers drawn at random, of four clusters or more,"
            " as scores with the source human",
        )
    return run.metrics[metric], found


def _groups(run: Run, client: Client) -> dict[str, str]:
    """The clusters of a run's rows, where the server has them."""
    try:
        rows = client.rows(run.dataset)
        return clusters_of(msgspec.convert(row, Example) for row in rows)
    except NotFound:
        return {}
