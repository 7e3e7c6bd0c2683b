"""What several workers cost: requests for a second of CPU, with one process and with more.

    python bench/gateway/several.py --workers 1,2 --turns 6

Systems with so many workers run side by side and are asked in turn, as many requests as they
answer; what counts is the CPU that a request takes, of all processes, and with it how far from
ideal it would scale on a machine with enough cores. `--spread` lets them use all cores, those of
the mock and the load generator too: on two cores the requests a second then say little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rig
from processes import MARK, Tree
from server import Server
from systems import Launch, Place, Trimtab


class Several(Trimtab):
    """Trimtab with some workers."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.name = f"{workers} worker{'s' if workers > 1 else ''}"

    def launch(self, place: Place) -> Launch:
        command, environment = super().launch(place)
        mark = {MARK: self.name}  # workers have sessions of their own
        return Launch([*command, "--workers", str(self.workers)], {**environment, **mark})


def main() -> None:
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="gateway-several-") as scratch:
        directory, cores = Path(scratch), rig.cores()
        rig.build(directory)
        mock = rig.Mock(directory, cores.load)
        mock.set(latency_ms=0)
        load, servers = rig.Load(directory, cores.load), []
        try:
            for workers in wanted.workers:
                system = Several(workers)
                servers.append(Server(system, directory / str(workers), mock, cores))
                if wanted.spread:
                    for pid in Tree(system.name).pids():
                        os.sched_setaffinity(pid, os.sched_getaffinity(0))
            report(servers, load, wanted)
        finally:
            for server in servers:
                server.stop()
            mock.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--workers", type=lambda text: [int(one) for one in text.split(",")], default=[1, 2]
    )
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--spread", action="store_true", help="over all cores")
    return parser.parse_args()


def report(servers: list[Server], load: rig.Load, wanted: argparse.Namespace) -> None:
    found: dict[str, list[tuple[float, float, float]]] = {}
    for turn in range(-1, wanted.turns):  # the first warms up
        for server in servers if turn % 2 else reversed(servers):
            request = rig.body(server.target.model)
            tree = Tree(server.system.name)
            before = tree.cpu_s()
            seen = load.send(
                server.target, request, connections=wanted.connections, seconds=wanted.seconds
            )
            time.sleep(1.5)  # what was put off is part of it
            used = tree.cpu_s() - before
            if seen["errors"]:
                raise SystemExit(f"{server.system.name}: {seen}")
            if turn >= 0:
                row = (seen["requests"] / used, seen["rps"], tree.memory().pss / (1 << 20))
                found.setdefault(server.system.name, []).append(row)
    print("| system | requests per CPU second | CPU µs/request | requests/s | PSS MiB |")
    print("|---|---|---|---|---|")
    for name, rows in found.items():
        per_s, rps, pss = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {name} | {per_s:,.0f} | {1e6 / per_s:.0f} | {rps:,.0f} | {pss:.0f} |")


if __name__ == "__main__":
    main()
