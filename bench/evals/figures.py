"""Parts of own.py that ask no model: exact match, memory, a journal that reopens, the import."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
from typing import Any

import msgspec
from measured import cases
from trial import MANY, Row, alternated, evaluated, resident_mb, rows, scratch, task
from weight import IMPORT

from trimtab.experiments.journal import Journal, read
from trimtab.experiments.suite import TaskRef
from trimtab.records import Example


async def exact(rounds: int, _large: int) -> list[Row]:
    found = cases(MANY, wrong_every=10)
    data = rows(found)
    made = [Example(**row) for row in data]
    plain = {case["question"]: case["answer"] for case in found}
    recorded = TaskRef(outputs="metadata.answer")
    with scratch() as folder:
        taken = await alternated(
            rounds,
            memory=lambda: evaluated(found, data),
            examples=lambda: evaluated(found, made),
            recorded=lambda: evaluated(found, data, task=recorded),
            threads=lambda: evaluated(found, data, task=plain.__getitem__),
            journal=lambda: evaluated(found, data, folder=folder),
        )
    said = {name: f"{cpu / MANY * 1000:.3f} ms" for name, (cpu, _) in taken.items()}
    return [
        (
            f"exact match in memory, {MANY:,} cases, async task: CPU a case",
            said["memory"],
            "0.03 ms",
        ),
        ("the same, rows given as examples", said["examples"], "0.03 ms"),
        ("the same, answers recorded in the rows", said["recorded"], "–"),
        ("the same, a plain function, which runs in threads", said["threads"], "–"),
        ("the same, every result in the journal: CPU a case", said["journal"], "0.15 ms"),
        ("the same: cases/s by wall", f"{MANY / taken['journal'][1]:,.0f}", "5,000"),
    ]


async def memory(_rounds: int, _large: int) -> list[Row]:
    count = 100_000
    await evaluated(few := cases(100), rows(few))
    found = cases(count, wrong_every=10)
    data, answer = rows(found), task(found)
    before = resident_mb()
    with scratch() as folder:
        kept = await evaluated(found, data, task=answer, folder=folder)
    after = resident_mb()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert len(kept.results) == count
    grown = f"{peak - before:.0f} MB at its peak, {after - before:.0f} MB with all results held"
    return [(f"RSS growth of a run of {count:,} cases, its rows not counted", grown, "60 MB")]


async def reopen(rounds: int, large: int) -> list[Row]:
    found = await evaluated(few := cases(1_000), rows(few))
    with scratch() as folder:
        journal = Journal.begin(folder, found.run)
        for number in range(large):
            result = found.results[number % 1_000]
            journal.finished(replaced(result, f"case-{number}"))
        journal.close()
        size = journal.path.stat().st_size / 1e6

        async def again() -> None:
            assert len(read(journal.path).results) == large

        [(cpu, wall)] = (await alternated(rounds, again=again)).values()
        text = f"{cpu:.2f} s CPU ({wall:.2f} s by wall, {size:.0f} MB)"
    return [(f"a journal of {large:,} results reopens", text, "1 s")]


def replaced(result: Any, example_id: str) -> Any:
    scores = tuple(
        msgspec.structs.replace(score, target=msgspec.structs.replace(score.target, id=example_id))
        for score in result.scores
    )
    return msgspec.structs.replace(result, example_id=example_id, scores=scores)


# -- import ----------------------------------------------------------------------------------------


async def imports(rounds: int, _large: int) -> list[Row]:
    first = (
        "import trimtab\ntrimtab.evaluate(lambda input: input, "
        "[{'input': 'a', 'expected': 'a'}], scorers=['exact'])"
    )
    said = {}
    for name, code in (("import", "import trimtab; trimtab.evaluate"), ("first", first)):
        found = []
        for _ in range(2 * rounds + 1):
            command = [sys.executable, "-c", IMPORT.format(imports=code)]
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate()
            found.append(json.loads(out.splitlines()[-1]))
        cpu, peak, modules = (statistics.median(column) for column in zip(*found, strict=True))
        said[name] = f"{cpu:.3f} s CPU, {peak:.0f} MiB, {modules:.0f} modules"
    return [
        ("importing the evaluation API", said["import"], "0.15 s"),
        ("importing it and evaluating one case", said["first"], "–"),
    ]
