"""Runs with results that are easy to foresee: scores by case, without anything being executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.experiments.decision import Measured
from trimtab.records import AppliedScorer, Example, Result, Run, Score, Target

Numbers = Mapping[str, Sequence[float | bool | str | None]]


def examples(count: int, **fields: Any) -> list[Example]:
    return [Example(example_id=f"e{n:03}", input=f"question {n}", **fields) for n in range(count)]


def score(name: str, example_id: str, number: float | bool | str | None, **fields: Any) -> Score:
    """A score that says what it is given: passed, a value, or nothing, for the reason given."""
    given: dict[str, Any] = {"passed": number} if isinstance(number, bool) else {"value": number}
    if number is None or isinstance(number, str):
        given = {"status": "unscored", "reason": number or "the judge said nothing"}
    target = Target(kind="example", id=example_id)
    return Score(score_id=f"{name}/{example_id}", target=target, name=name, time_ns=1, **given)


def measured(
    run_id: str,
    numbers: Numbers,
    *,
    outputs: Sequence[Any] | None = None,
    errors: Mapping[str, str] | None = None,
    repeats: Sequence[Numbers] = (),
    **fields: Any,
) -> Measured:
    """A finished run: numbers by metric, one for each example.

    Args:
        repeats: numbers of further answers to the same examples.
    """
    count = len(next(iter(numbers.values())))
    errors = errors or {}
    results = []
    for repeat, own in enumerate([numbers, *repeats]):
        for n in range(count):
            key = f"e{n:03}"
            scores = tuple(score(name, key, values[n]) for name, values in own.items())
            results.append(
                Result(
                    example_id=key,
                    repeat=repeat,
                    output=None if key in errors else (outputs[n] if outputs else f"answer {n}"),
                    error=errors.get(key),
                    scores=scores,
                    latency_ms=10.0 + n,
                )
            )
    given: dict[str, Any] = {
        "name": "docs",
        "release": f"docs@{run_id}",
        "dataset": "golden@1",
        "dataset_digest": "d",
        "scorers": tuple(AppliedScorer(name=name) for name in numbers),
        "status": "done",
        "started_ns": 1_700_000_000_000_000_000,
        "ended_ns": 1_700_000_012_000_000_000,
        "done": len(results),
        "total": len(results),
    }
    return Measured(Run(run_id=run_id, **given | fields), results)
