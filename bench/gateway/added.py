"""Time that a gateway adds at a load that is easy for it, beside nginx and no gateway at all.

    python bench/gateway/added.py --turns 8
    python bench/gateway/added.py --turns 8 --stream --rate 20
    python bench/gateway/added.py --stream --rate 5 --chunks 160 \\
        --systems trimtab-unguarded,trimtab,trimtab-internal,trimtab-customer-facing

All systems run side by side over the same mock, which takes 50 ms to its first byte. Requests come
at an even rate whatever the answers do (open loop), a few seconds to one system and then to the
next, again and again, so that what else the machine does meets all of them alike. What is added is
the difference to the direct calls of the same turn; shown are medians over the turns. Of answers
the time is to the end, of streams to the first byte of the body.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rig
from server import Server
from systems import SYSTEMS

UPSTREAM_MS = 50
DIRECT = "direct"
Times = dict[str, float]


def main() -> None:
    wanted = arguments()
    names = [DIRECT, *(name for name in wanted.systems if name != DIRECT)]
    with tempfile.TemporaryDirectory(prefix="gateway-added-") as scratch:
        directory, cores = Path(scratch), rig.cores()
        rig.build(directory)
        mock = rig.Mock(directory, cores.load)
        mock.set(latency_ms=UPSTREAM_MS, chunks=wanted.chunks, interval_ms=10)
        servers: dict[str, Server] = {}
        try:
            for name in names:
                servers[name] = Server(SYSTEMS[name](), directory / name, mock, cores)
            found = measured(servers, rig.Load(directory, cores.load), wanted)
        finally:
            for server in servers.values():
                server.stop()
            mock.stop()
    print(table(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--systems", type=lambda text: text.split(","), default=["nginx", "trimtab"]
    )
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load in one piece")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--chunks", type=int, default=8, help="of a stream, 10 ms apart")
    parser.add_argument("--stream", action="store_true", help="time to the first byte of streams")
    return parser.parse_args()


def measured(
    servers: dict[str, Server], load: rig.Load, wanted: argparse.Namespace
) -> dict[str, list[Times]]:
    """Of each system, the times of each turn."""
    found: dict[str, list[Times]] = {name: [] for name in servers}
    names = list(servers)
    for turn in range(-1, wanted.turns):  # the first warms up
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            seen = piece(servers[name], load, wanted)
            if turn >= 0:
                found[name].append(seen)
        print(f"turn {turn + 1} of {wanted.turns}", file=sys.stderr)
    return found


def piece(server: Server, load: rig.Load, wanted: argparse.Namespace) -> Times:
    request = rig.body(server.target.model, stream=wanted.stream)
    before = server.tree.cpu_s()
    seen = load.send(server.target, request, rate=wanted.rate, seconds=wanted.seconds)
    if seen["errors"] or seen["unfinished"]:
        raise SystemExit(f"{server.system.name}: {seen}")
    first = "ttfb_" if wanted.stream else ""
    return {
        "p50_ms": seen[f"{first}p50_ms"],
        "p99_ms": seen[f"{first}p99_ms"],
        "us": 1e6 * (server.tree.cpu_s() - before) / seen["requests"],
    }


def table(found: dict[str, list[Times]]) -> str:
    lines = [
        "| system | p50 ms | added p50 | p99 ms | added p99 | of nginx's p99 | CPU µs/request |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, turns in found.items():
        cells = [name]
        for figure in ("p50_ms", "p99_ms"):
            cells.append(f"{median(turns, figure):.2f}")
            cells.append(spread(less(turns, found[DIRECT], figure)))
        beside = found.get("nginx")
        cells.append(spread(less(turns, beside, "p99_ms")) if beside else "–")
        cells.append(f"{median(turns, 'us'):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def median(turns: Sequence[Times], figure: str) -> float:
    return statistics.median(turn[figure] for turn in turns)


def less(turns: Sequence[Times], others: Sequence[Times], figure: str) -> list[float]:
    return [turn[figure] - other[figure] for turn, other in zip(turns, others, strict=True)]


def spread(differences: Sequence[float]) -> str:
    """The median, and between which values the turns lie."""
    middle = statistics.median(differences)
    return f"{middle:+.2f} ({min(differences):+.2f} to {max(differences):+.2f})"


if __name__ == "__main__":
    main()
