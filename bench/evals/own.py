"""Trimtab's own figures for evaluation, beside the goals that were set for them.

    python bench/evals/own.py [--rounds 5] [--parts exact,judge,...] [--large 200000]

Every part runs in a fresh process, by `trimtab.aevaluate` as a program would call it; what is
compared takes turns within it, and figures are medians. CPU is that of this process, all threads,
and where a server takes part that of the server beside it. Prints one Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "adapters")]
PARTS = ("exact", "memory", "reopen", "judge", "latency", "server", "again", "imports")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--large", type=int, default=200_000, help="cases of the run that reopens")
    parser.add_argument("--one", help="a part in this process, its rows as JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(part(given.one, given.rounds, given.large)))
        return
    began = os.getloadavg()[0]
    print("| figure | measured | goal |\n|---|---|---|")
    for name in given.parts:
        for row in measured(name, given.rounds, given.large):
            print("| " + " | ".join(row) + " |", flush=True)
    print(
        f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"load average {began:.1f} at the start and {os.getloadavg()[0]:.1f} at the end; "
        f"medians of {given.rounds} rounds"
    )


def measured(name: str, rounds: int, large: int) -> list[list[str]]:
    """The rows of a part, from a process of its own."""
    command = [sys.executable, __file__, "--one", name]
    command += ["--rounds", str(rounds), "--large", str(large)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, env=environment)
    if done.returncode:
        return [[name, "broke: see above", "–"]]
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def part(name: str, rounds: int, large: int) -> list[tuple[str, str, str]]:
    import figures
    import judged

    work = getattr(figures, name, None) or getattr(judged, name)
    found: list[tuple[str, str, str]] = asyncio.run(work(rounds, large))
    return found


if __name__ == "__main__":
    main()
