"""What results from elsewhere must be before they count: numbers that can be summed, of their run.

Pure: results go in, a refusal that names the place comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import isfinite

from trimtab.errors import Conflict, InvalidRequest
from trimtab.experiments.silence import SILENT
from trimtab.records import Result, Run, Score

_Number = float | Decimal | None


def refuse_wrong(run: Run, results: Sequence[Result]) -> None:
    """Raises InvalidRequest: a repeat, a cost or a time cannot be, or a score is another run's."""
    for at, result in enumerate(results):
        where = f"results[{at}]"
        if result.repeat < 0:
            raise InvalidRequest(
                "a repeat cannot be negative", where=f"{where}.repeat", fix="count from 0"
            )
        for name, value in _numbers(result):
            _refuse_number(value, f"{where}.{name}")
        for place, score in enumerate(result.scores):
            _refuse_score(run, result, score, f"{where}.scores[{place}]")


def refuse_late(run: Run) -> None:
    """Raises Conflict: the run has ended. One that was given up for its silence may go on."""
    given_up = run.status == "interrupted" and (run.error or "").startswith(SILENT)
    if run.status != "running" and not given_up:
        raise Conflict(
            f"run {run.run_id} has ended: it is {run.status}",
            where="run_id",
            fix="open it again with POST /api/v1/runs/external, then send results and its end",
        )


def _numbers(record: Result | Score) -> Iterator[tuple[str, _Number]]:
    yield "cost_usd", record.cost_usd
    yield "latency_ms", record.latency_ms
    if isinstance(record, Result):
        yield "first_token_ms", record.first_token_ms


def _refuse_number(value: _Number, where: str) -> None:
    if value is not None and not (isfinite(value) and value >= 0):
        raise InvalidRequest(
            f"{value} is not a finite number of at least 0", where=where, fix="correct or omit it"
        )


def _refuse_score(run: Run, result: Result, score: Score, where: str) -> None:
    for name, value in _numbers(score):
        _refuse_number(value, f"{where}.{name}")
    if score.value is not None and not isfinite(score.value):
        raise InvalidRequest("a score is a finite number", where=f"{where}.value", fix="correct it")
    if score.run not in (None, run.run_id):
        raise InvalidRequest(
            f"the score is of run {score.run}, and this is run {run.run_id}",
            where=f"{where}.run",
            fix="send it to its own run, or omit `run`",
        )
    if score.target.kind == "example" and score.target.id != result.example_id:
        raise InvalidRequest(
            f"the score is of example {score.target.id}, and the result of {result.example_id}",
            where=f"{where}.target",
            fix="send it with the result of its own example",
        )
