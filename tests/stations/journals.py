"""Runs and results for tests of what keeps them."""

from __future__ import annotations

from trimtab.records import Result, Run, Score, Target


def a_run(run_id: str = "run-1") -> Run:
    return Run(
        run_id=run_id, name="n", dataset="d", dataset_digest="dd", scorers=(), started_ns=1, total=9
    )


def result(number: int, *, output: str = "yes", repeat: int = 0) -> Result:
    score = Score(
        score_id=f"s{number}",
        target=Target(kind="example", id=f"e{number}"),
        name="exact",
        passed=True,
        run="run-1",
        time_ns=number,
    )
    return Result(
        example_id=f"e{number}", repeat=repeat, output=output, scores=(score,), time_ns=number
    )
