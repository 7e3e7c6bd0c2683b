"""The optimiser against a model whose answers depend on its prompt: what it finds and takes.

    python bench/optimise.py [--null-runs N]

The model is scripted (tests/optimise/simulator.py) and answers over HTTP on loopback, so that the
figures are the same each time, but for seconds: they say that the optimiser works as it says, not
how much a prompt of yours will gain. Null runs have nothing to find: each promotion is an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.optimise.examples import examples_compared
from tests.optimise.jobs import optimised
from tests.optimise.nulls import null_runs
from tests.optimise.simulator import MODEL, PROMPT, REFLECTOR, Simulator, rows, simulated
from tests.optimise.test_killed import PROGRAM
from tests.upstream import Answer, Request

ROWS = rows(2)
AT_ONCE = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--null-runs", type=int, default=800)
    given = parser.parse_args()
    print(f"{len(ROWS)} rows of eight kinds; one answer in eight is right by chance.\n")
    searches()
    examples()
    caps()
    resumed()
    nulls(given.null_runs)


def searches() -> None:
    print("| search | calls | rows tried | before | after | 90 % interval of the gain | seconds |")
    print("|---|---|---|---|---|---|---|")
    for algo in ("demos", "instructions", "auto", "gepa"):
        with simulated(Simulator()) as upstream:
            started = time.perf_counter()
            found = optimised(upstream, ROWS, algo=algo, calls=3000)
            taken = time.perf_counter() - started
        [one] = found.comparisons
        gain = one.difference
        tried = sum(each.rows for each in found.tried)
        print(
            f"| {algo} | {found.taken.calls} | {tried} | {one.baseline.value:.3f}"
            f" | {one.candidate.value:.3f} | [{gain.low:+.3f}, {gain.high:+.3f}] | {taken:.1f} |"
        )
    print()


def examples() -> None:
    with simulated(Simulator()) as upstream:
        found = asyncio.run(examples_compared(upstream))
    print("| examples shown | share right |")
    print("|---|---|")
    print(f"| none | {found['none']:.3f} |")
    print(f"| 8 at random, mean of sets | {found['random']:.3f} |")
    print(f"| the 8 most like the question | {found['nearest']:.3f} |\n")


def caps() -> None:
    print("| cap of calls | search | made | beyond the cap |")
    print("|---|---|---|---|")
    for algo in ("demos", "auto", "gepa"):
        for most in (260, 411, 700):
            simulator = Simulator()
            with simulated(simulator) as upstream:
                optimised(upstream, ROWS, algo=algo, calls=most)
            print(f"| {most} | {algo} | {simulator.calls} | {max(0, simulator.calls - most)} |")
    print()


def resumed() -> None:
    """A job that is killed at its 300th call, carried on, and run once more."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        process: list[subprocess.Popen[bytes]] = []

        def kill_then(_: Request) -> Answer | None:
            if len(simulator.bodies) == 300 and process:
                process[0].kill()
            return None

        simulator = Simulator(before=kill_then)
        settings: dict[str, Any] = {"algo": "auto", "calls": 1200, "folder": str(place / "jobs")}
        with simulated(simulator) as upstream:
            told = {"url": upstream.base_url, "prompt": PROMPT, "rows": ROWS, "model": MODEL}
            told |= {"reflect_model": REFLECTOR, "concurrency": AT_ONCE, **settings}
            (place / "told.json").write_text(json.dumps(told))
            (place / "job.py").write_text(PROGRAM)
            process.append(
                subprocess.Popen([sys.executable, place / "job.py", place / "told.json"])
            )
            process[0].wait()
            before = simulator.calls
            optimised(upstream, ROWS, concurrency=AT_ONCE, resume=True, **settings)
            after, repeated = simulator.calls, simulator.repeated
            optimised(upstream, ROWS, concurrency=AT_ONCE, **settings)
            print("| a job killed with kill -9, four calls in flight | calls |")
            print("|---|---|")
            print(f"| before it was killed | {before} |")
            print(f"| carried on to its end | {after - before} |")
            print(f"| asked twice, for their answers were not there yet | {repeated} |")
            print(f"| run once more when it was finished | {simulator.calls - after} |\n")


def nulls(count: int) -> None:
    found = null_runs(count)
    chosen = [one for one in found if one.chosen]
    promoted = sum(one.promoted for one in found)
    seeming = 100 * fmean(one.gain_on_dev for one in chosen)
    print(f"| {count} searches in which nothing is better | |")
    print("|---|---|")
    print(f"| chose something on the dev split (60 rows) | {len(chosen) / count:.1%} |")
    print(f"| which seemed better by, on the mean | {seeming:.1f} points |")
    print(f"| promoted it after the test split (60 rows) | {promoted / count:.1%} |")


if __name__ == "__main__":
    main()
