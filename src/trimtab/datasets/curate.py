"""Curation: calls that a score condemned become examples, each leading back to its span."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.datasets.calls import context, question, root_of
from trimtab.ports import Clock, DatasetStore, ScoreQuery, TelemetryStore
from trimtab.records import Dataset, Example, Score, text_of


class Curation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls to take: those whose score `score` did not pass, or is below `below`.

    A correction is an `expected` in the metadata of such a score (a reviewer's or a user's). With
    `corrected_only`, calls without one are left out. The newest `limit` scores of that name are
    looked at. Calls that an experiment made are not taken: their questions have a dataset already.
    """

    score: str
    below: float | None = None
    corrected_only: bool = False
    since_ns: Annotated[int, Meta(ge=0, lt=2**63)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 1000


def curate(
    telemetry: TelemetryStore,
    datasets: DatasetStore,
    clock: Clock,
    *,
    project: str,
    name: str,
    curation: Curation,
    by: str | None = None,
) -> Dataset:
    """Store the next version of a dataset: its rows so far, and the failing calls not among them.

    Two calls with the same question become one example, a corrected one if there is one.
    """
    rows = _rows(datasets, project, name)
    known = {text_of(row.input) for row in rows}
    taken = {row.source_trace for row in rows}
    query = ScoreQuery(
        project=project, name=curation.score, since_ns=curation.since_ns, limit=curation.limit
    )
    failures = [score for score in telemetry.scores(query) if _wanted(score, curation)]
    for score in sorted(failures, key=_correction, reverse=True):
        trace_id = score.target.trace_id or score.target.id
        example = None if trace_id in taken else _example(telemetry, project, trace_id, score)
        if example is not None and text_of(example.input) not in known:
            known.add(text_of(example.input))
            taken.add(trace_id)
            rows.append(example)
    note = f"curated from calls that failed {curation.score}"
    return datasets.add(project, name, rows, note=note, created_ns=clock.now_ns(), by=by)


def _rows(datasets: DatasetStore, project: str, name: str) -> list[Example]:
    known = {dataset.name for dataset in datasets.list(project)}
    return datasets.examples(project, name) if name in known else []


def _wanted(score: Score, curation: Curation) -> bool:
    if score.status != "scored" or score.run is not None:
        return False
    if curation.corrected_only and not _correction(score):
        return False
    if curation.below is not None:
        return score.number is not None and score.number < curation.below
    return score.passed is False


def _correction(score: Score) -> bool:
    """Whether a score says what the answer should have been."""
    return score.metadata.get("expected") is not None


def _example(
    telemetry: TelemetryStore, project: str, trace_id: str, score: Score
) -> Example | None:
    """The call of a trace as an example; None when it has no question or is an experiment's."""
    spans = telemetry.trace(project, trace_id)
    root = root_of(spans)
    if root is None or root.run is not None or not (asked := question(root)).strip():
        return None
    cluster = score.metadata.get("cluster")
    metadata: dict[str, Any] = {"failed": score.name, "release": root.release}
    metadata |= {key: value for key, value in score.metadata.items() if key != "expected"}
    return Example(
        example_id=trace_id,
        input=asked,
        expected=score.metadata.get("expected"),
        context=context(spans),
        metadata=metadata,
        tags=("curated",),
        cluster=cluster if isinstance(cluster, str) else None,
        source_trace=trace_id,
        source_span=root.span_id,
    )
