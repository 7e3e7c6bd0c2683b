"""The gateway beside its peers, each on one core in front of the same mock upstream.

    sh dev/peers/install.sh
    python bench/gateway/run.py --systems direct,nginx,trimtab,tensorzero,mlflow,portkey,litellm
    python bench/gateway/run.py --systems trimtab --parts memory --memory-requests 1000000
    python bench/gateway/run.py --profile bench/results/gateway-profile.md

The system runs on one core; the mock and the load generator, both in C, on another. Rounds go
through all systems in turn and the medians count. CPU is that of all processes of a system, and
what it uses after the load (writing what it recorded) is shown apart. Only ratios within one run
mean anything, and only on a quiet machine. Prints a Markdown table for each part.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import flame
import rig
from parts import PARTS, Rig, Row, measure
from server import Server, Unanswered
from systems import SYSTEMS
from tables import SHAPES, table

DEFAULT_PARTS = ["nonstream", "latency", "stream", "large", "ready"]


def main() -> None:
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as scratch:
        directory, cores = Path(scratch), rig.cores()
        rig.build(directory)
        mock = rig.Mock(directory, cores.load)
        try:
            parts = Rig(
                mock=mock,
                load=rig.Load(directory, cores.load),
                cores=cores,
                seconds=wanted.seconds,
                connections=wanted.connections,
                memory_requests=wanted.memory_requests,
                memory_limit_s=wanted.memory_limit_s,
            )
            if wanted.profile:
                profile(parts, directory, wanted)
            else:
                compare(parts, directory, wanted)
        finally:
            mock.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--systems", type=names_of(SYSTEMS), default=["direct", "nginx", "trimtab"])
    parser.add_argument("--parts", type=names_of([*PARTS, "ready"]), default=DEFAULT_PARTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load for each figure")
    parser.add_argument("--connections", type=int, default=64, help="of the part nonstream")
    parser.add_argument("--memory-requests", type=int, default=100_000)
    parser.add_argument("--memory-limit-s", type=float, default=1800.0)
    parser.add_argument("--limit-s", type=float, default=5400.0, help="no round starts after it")
    parser.add_argument("--json", type=Path, help="write the figures of every round here too")
    parser.add_argument("--profile", type=Path, help="write where the last system's time goes here")
    parser.add_argument("--stream", action="store_true", help="with --profile: streams")
    return parser.parse_args()


def names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return names

    return parse


def compare(parts: Rig, directory: Path, wanted: argparse.Namespace) -> None:
    """Rounds over all systems, then the tables."""
    found: dict[str, dict[str, list[Row]]] = {part: {} for part in SHAPES}
    end = time.perf_counter() + wanted.limit_s
    for turn in range(wanted.rounds):
        for name in turned(wanted.systems, turn):
            if time.perf_counter() > end:
                print("out of time", file=sys.stderr)
                break
            print(f"round {turn + 1}: {name}", file=sys.stderr)
            try:
                rows = once(parts, directory / f"{name}-{turn}", name, wanted.parts)
            except Unanswered as problem:
                print(f"left out: {problem}", file=sys.stderr)
                continue
            for part, row in rows.items():
                found[part].setdefault(name, []).append(row)
            if wanted.json:
                wanted.json.write_text(json.dumps(found, indent=1))
    print(f"`{command()}`\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for part in wanted.parts:
        ordered = {name: found[part][name] for name in wanted.systems if name in found[part]}
        print(f"\n{table(part, ordered)}")


def once(parts: Rig, directory: Path, name: str, wanted: list[str]) -> dict[str, Row]:
    server = Server(SYSTEMS[name](), directory, parts.mock, parts.cores)
    try:
        return measure(server, parts, wanted)
    finally:
        server.stop()


def turned(names: list[str], turn: int) -> list[str]:
    """Every round begins with another system, so that none is always first."""
    at = turn % len(names)
    return names[at:] + names[:at]


def profile(parts: Rig, directory: Path, wanted: argparse.Namespace) -> None:
    """Sample the last of the systems while it is under load."""
    spy = rig.pinned(parts.cores.load, [flame.recorder(directory)])
    server = Server(SYSTEMS[wanted.systems[-1]](), directory / "profiled", parts.mock, parts.cores)
    try:
        parts.mock.set(latency_ms=0, chunks=32, interval_ms=1 if wanted.stream else 0)
        request = rig.body(server.target.model, stream=wanted.stream)
        options = {"connections": float(wanted.connections)}
        parts.load.send(server.target, request, seconds=2.0, **options)
        assert server.process is not None
        stacks = directory / "stacks.txt"
        recording = flame.record(spy, server.process.pid, stacks, wanted.seconds)
        seen = parts.load.send(server.target, request, seconds=wanted.seconds + 1, **options)
        recording.wait(120)
    finally:
        server.stop()
    wanted.profile.write_text(flame.markdown(flame.read_stacks(stacks), command()))
    wanted.profile.with_suffix(".stacks.txt").write_text(stacks.read_text())
    print(f"{seen['rps']:.0f} requests/s while sampled, {seen['errors']} errors", file=sys.stderr)


def command() -> str:
    return shlex.join(["python", "bench/gateway/run.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
