"""A million rows in a dataset: what it takes to store, change, read, compare and remove them.

    python bench/datasets.py [ROWS] [--url postgresql://...]

Rows have some 300 bytes: a question of 20 words, an answer of 8, a cluster and a split. Each step
runs in this process, on an SQLite file in a temporary directory unless a URL is given. Times are
those of the step without the making of its rows; memory is the largest resident size of the process
so far. Also: a file of the rows read as examples, and a run of 200,000 results read again.
"""

from __future__ import annotations

import argparse
import csv
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from trimtab.datasets.difference import differ
from trimtab.datasets.files import read_examples
from trimtab.records import Example, Result, Score, Target
from trimtab.records.run import AppliedScorer, Run
from trimtab.stores.metadata.sql import SQLMetadata

ROWS = 1_000_000
RESULTS = 200_000
CHANGED = 0.01
WORDS = [f"{first}{second}" for first in "bdfgklmnprst" for second in ("a", "elo", "iru", "ost")]


def rows(count: int, *, version: int = 1) -> Iterator[Example]:
    """The rows of a version: after the first, one in a hundred is changed, each time others."""
    dice, changes = random.Random(1), random.Random(version)
    for number in range(count):
        question = " ".join(dice.choices(WORDS, k=20)) + f" {number}?"
        answer = " ".join(dice.choices(WORDS, k=8))
        if version > 1 and changes.random() < CHANGED:
            answer += f" in version {version}"
        yield Example(
            example_id=f"question-{number:07d}",
            input=question,
            expected=answer,
            cluster=f"document-{number // 20}",
            split="train" if number % 5 else "test",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=ROWS)
    parser.add_argument("--url")
    given = parser.parse_args()
    print("`python bench/datasets.py`\n")
    print("| step | s | CPU s | peak MB | on disk MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.url or f"sqlite:///{folder}/metadata.db")
        bench.measure("make the rows alone", lambda: sum(1 for _ in rows(given.rows)))
        with closing(SQLMetadata.open(bench.url)) as store:
            datasets(bench, store, given.rows)
            results(bench, store)
            bench.measure("remove it", lambda: store.datasets.remove("default", "big"))
        files(bench, given.rows)


class Bench:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def measure(self, what: str, step: Callable[[], Any], *, repeat: int = 1) -> None:
        began, began_cpu = time.perf_counter(), time.process_time()
        for _ in range(repeat):
            step()
        cpu = (time.process_time() - began_cpu) / repeat
        wall = (time.perf_counter() - began) / repeat
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = sum(file.stat().st_size for file in self.folder.glob("metadata.db*")) / 1e6
        precise = 4 if wall < 0.1 else 1
        print(f"| {what} | {wall:.{precise}f} | {cpu:.{precise}f} | {peak:.0f} | {size:.0f} |")


def datasets(bench: Bench, store: SQLMetadata, count: int) -> None:
    def add(version: int) -> Callable[[], Any]:
        made = rows(count, version=version)
        return lambda: store.datasets.add("default", "big", made, note="", created_ns=version)

    dice = random.Random(3)

    def page() -> list[Example]:
        after = dice.randrange(count - 100)
        return list(store.datasets.rows("default", "big", after=after, limit=100))

    def read(ref: str) -> Callable[[], int]:
        return lambda: sum(1 for _ in store.datasets.rows("default", ref))

    bench.measure("make and store version 1", add(1))
    bench.measure("version 2, 1 % of the rows changed", add(2))
    bench.measure("version 3, another 1 % changed", add(3))
    bench.measure("version 3 again: nothing changed", add(3))
    bench.measure("read all of version 1", read("big@1"))
    bench.measure("read all of version 3", read("big@3"))
    bench.measure("read a page of 100 rows anywhere", page, repeat=200)
    bench.measure("digests of all rows", lambda: store.datasets.digests("default", "big@1"))
    bench.measure(
        "what differs in version 3", lambda: differ(store.datasets, "default", "big@1", "big")
    )


def results(bench: Bench, store: SQLMetadata) -> None:
    run = Run(
        run_id="run",
        name="bench",
        dataset="big@1",
        dataset_digest="d" * 64,
        scorers=(AppliedScorer(name="exact"),),
        started_ns=1,
    )
    store.runs.put(run)
    dice = random.Random(5)
    one = Result(example_id="", output=" ".join(WORDS[:12]), latency_ms=12.5, time_ns=1)
    batches = [
        [
            replace(
                one,
                example_id=f"question-{start + number:07d}",
                latency_ms=dice.random() * 100,
                scores=(score(dice, f"question-{start + number:07d}"),),
            )
            for number in range(500)
        ]
        for start in range(0, RESULTS, 500)
    ]
    bench.measure(
        f"append {RESULTS:,} results, 500 at a time",
        lambda: append(store, batches),
    )
    bench.measure(
        f"read {RESULTS:,} results", lambda: sum(1 for _ in store.runs.results("default", "run"))
    )


def append(store: SQLMetadata, batches: list[list[Result]]) -> None:
    for batch in batches:
        store.runs.append("default", "run", batch)


def score(dice: random.Random, example_id: str) -> Score:
    target = Target(kind="example", id=example_id)
    return Score(
        score_id=f"{dice.getrandbits(128):032x}",
        target=target,
        name="exact",
        value=dice.random(),
        run="run",
        time_ns=1,
    )


def files(bench: Bench, count: int) -> None:
    path = bench.folder / "rows.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "question", "answer", "cluster", "split"])
        for row in rows(count):
            table.writerow([row.example_id, row.input, row.expected, row.cluster, row.split])
    bench.measure("read them from a CSV file", lambda: sum(1 for _ in read_examples(path)))


if __name__ == "__main__":
    main()
