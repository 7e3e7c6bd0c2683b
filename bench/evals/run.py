"""Evaluation: what a case costs beside its task and its judge, for Trimtab and for its peers.

    sh dev/peers/evals/install.sh
    python bench/evals/run.py [--systems trimtab,ragas,...] [--rounds 3] [--parts exact,judge,...]

Every tool gets the same cases in an environment of its own: exact match with no I/O, one judge
metric that asks an instant judge on loopback with 64 in flight, and 20 cases of which the judge's
answers to two cannot be parsed. Systems take turns; figures are medians over the rounds, of which
one that used half a minute of CPU has no more. Trust the CPU and the ratios: wall times are those
of a busy machine. The floor is no tool: the bare HTTP calls by aiohttp, or a comparison in a loop.
Prints Markdown; progress on stderr.
`EVALS_BENCH_PEERS` names the directory of the peers where it is not `.peers/evals/`.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from judging import judge
from systems import FLOOR, SYSTEMS, Broken, System
from weight import imported, installed

ENOUGH_S = 30.0  # of CPU on a load: no further rounds of it
PARTS = ("exact", "judge", "faults", "imports", "sizes")


class Load(NamedTuple):
    what: str
    count: int
    title: str


LOADS = (
    Load("judge", 1_000, "one judge metric, 1,000 cases"),
    Load("exact", 1_000, "exact match, 1,000 cases"),
    Load("exact", 10_000, "exact match, 10,000 cases"),
)
Figures = dict[str, Any]


def main() -> None:
    wanted = arguments()
    systems = [system for system in map(SYSTEMS.__getitem__, wanted.systems) if system.installed]
    for name in sorted(set(wanted.systems) - {system.name for system in systems}):
        say(f"{name} is not installed: left out")
    began = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="evals-bench-") as folder, judge() as url:
        directory = Path(folder)
        for load in LOADS:
            if load.what in wanted.parts:
                table(load, overhead(load, [FLOOR, *systems], wanted.rounds, url, directory))
        if "faults" in wanted.parts:
            faults(systems, url, directory)
        weights(systems, wanted.parts, wanted.rounds)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"load average {began:.1f} at the start and {os.getloadavg()[0]:.1f} at the end; "
        f"medians of up to {wanted.rounds} rounds"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--systems", type=commas, default=list(SYSTEMS))
    parser.add_argument("--parts", type=commas, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def commas(text: str) -> list[str]:
    return text.split(",")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# -- overhead --------------------------------------------------------------------------------------


def overhead(
    load: Load, systems: list[System], rounds: int, url: str, directory: Path
) -> dict[str, list[Figures] | str]:
    """The figures of each system, of all rounds; why there are none where it broke."""
    found: dict[str, list[Figures] | str] = {system.name: [] for system in systems}
    for number in range(rounds):
        for system in systems:
            kept = found[system.name]
            if isinstance(kept, str) or sum(each["cpu_s"] for each in kept) > ENOUGH_S:
                continue
            try:
                kept.append(system.run(load.what, load.count, url, directory=directory))
            except Broken as error:
                found[system.name] = str(error)
            say(f"{load.title}, round {number + 1}: {system.name} {found[system.name]}")
    return found


def table(load: Load, found: dict[str, list[Figures] | str]) -> None:
    """A row for each system, with its ratio to Trimtab's CPU."""
    ours = found.get("trimtab")
    base = cpu_ms(ours, load) if isinstance(ours, list) and ours else None
    print(f"### {load.title[0].upper()}{load.title[1:]}\n")
    columns = ["tool", "CPU ms a case", "beside Trimtab", "cases/s", "peak MiB", "judge calls"]
    columns += ["rounds", "it says"]
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for name, rounds in found.items():
        if isinstance(rounds, str):
            print(f"| {name} | broke: {rounds} | | | | | | |")
            continue
        cpu = cpu_ms(rounds, load)
        ratio = times(cpu / base) if base and name != "floor" else "–"
        rate = load.count / middle(rounds, "wall_s")
        calls = f"{middle(rounds, 'calls'):,.0f}" if load.what == "judge" else "–"
        print(
            f"| {name} | {cpu:.3f} | {ratio} | {rate:,.0f} | {middle(rounds, 'peak_mib'):,.0f} "
            f"| {calls} | {len(rounds)} | {rounds[-1]['headline']} |"
        )
    print(flush=True)


def times(ratio: float) -> str:
    digits = 0 if ratio >= 10 else 1 if ratio >= 1 else 2
    return f"{ratio:,.{digits}f}×"


def cpu_ms(rounds: list[Figures], load: Load) -> float:
    return middle(rounds, "cpu_s") / load.count * 1000


def middle(rounds: list[Figures], name: str) -> float:
    return statistics.median(figures[name] for figures in rounds)


# -- faults and weight -----------------------------------------------------------------------------


def faults(systems: list[System], url: str, directory: Path) -> None:
    """What each reports where the judge's answers to 2 of 20 cases cannot be parsed."""
    print("### The judge's answer to 2 of 20 cases cannot be parsed; that to the others is good\n")
    print("| tool | the 2 answers are prose | the 2 answers are cut off |\n|---|---|---|")
    for system in systems:
        cells = []
        for what in ("prose", "cut"):
            try:
                figures = system.run(what, 20, url, directory=directory, limit_s=150)
                cells.append(f"{figures['headline']} ({figures['calls']} calls)")
            except Broken as error:
                cells.append(str(error))
        print(f"| {system.name} | " + " | ".join(cells) + " |")
    print(flush=True)


def weights(systems: list[System], parts: list[str], rounds: int) -> None:
    rows: dict[str, list[str]] = {system.name: [] for system in systems}
    heads: list[str] = []
    if "imports" in parts:
        heads += ["import, CPU s", "RSS after, MiB", "modules"]
        for system, cells in zip(systems, imported(systems, rounds=2 * rounds + 1), strict=True):
            rows[system.name] += cells
    if "sizes" in parts:
        heads += ["version", "distributions", "installed MB"]
        for system in systems:
            rows[system.name] += installed(system)
    if not heads:
        return
    print("### Import and install\n")
    print("| tool | " + " | ".join(heads) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(flush=True)


if __name__ == "__main__":
    main()
