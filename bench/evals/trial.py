"""What the parts of own.py share: cases as rows, an evaluation, and taking turns."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measured import CONCURRENCY, Case

import trimtab

Row = tuple[str, str, str]
MANY = 10_000
JUDGED = 1_000


def rows(found: list[Case]) -> list[dict[str, Any]]:
    return [
        {
            "example_id": case["id"],
            "input": case["question"],
            "expected": case["expected"],
            "metadata": {"answer": case["answer"]},
        }
        for case in found
    ]


def task(found: list[Case]) -> Callable[[str], Awaitable[str]]:
    answers = {case["question"]: case["answer"] for case in found}

    async def answer(input: str) -> str:
        return answers[input]

    return answer


async def evaluated(found: list[Case], data: list[dict[str, Any]], **settings: Any) -> Any:
    settings = {"scorers": ["exact"], "concurrency": CONCURRENCY, **settings}
    return await trimtab.aevaluate(settings.pop("task", None) or task(found), data, **settings)


Work = Callable[[], Awaitable[Any]]


async def alternated(rounds: int, **works: Work) -> dict[str, tuple[float, float]]:
    """Median seconds of CPU and of the wall of each, in turns; the first is not counted."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), used_ns()
            await work()
            if turn:
                taken = ((used_ns() - cpu) / 1e9, time.perf_counter() - wall)
                figures[name].append(taken)
    return {
        name: (statistics.median(c for c, _ in taken), statistics.median(w for _, w in taken))
        for name, taken in figures.items()
    }


def used_ns() -> int:
    return time.process_time_ns()


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="evals-bench-") as folder:
        yield Path(folder)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
