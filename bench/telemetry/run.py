"""Telemetry: what taking in, keeping and querying traces costs, for Trimtab and for its peers.

    sh dev/peers/install.sh
    python bench/telemetry/run.py --systems trimtab,phoenix,mlflow --spans 20480
    python bench/telemetry/run.py --systems trimtab --grow 100000,1000000,10000000 --data DIRECTORY

Every system gets the same bytes, keeps them in its default store and is asked for the same things.
The CPU is that of all processes of the server, background work included, less what they use when
idle; it holds on a noisy machine, wall times do not. Prints one Markdown table; progress on stderr.
`TELEMETRY_BENCH_PEERS` names the directory of the peers where it is not `.peers/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import Bench, Figure, Options, Rows, Sizes
from load import Load
from server import Server
from systems import SYSTEMS

MORE_SPANS = 51_200
PARTS = ("kill", "queries", "together", "enlarge", "one-trace")


def main() -> None:
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    options = Options(
        repeats=wanted.repeats,
        connections=wanted.connections,
        compressed=wanted.gzip,
        quiet_s=wanted.quiet_s,
        rate=wanted.rate,
        together_s=wanted.together_s,
    )
    scratch = Path(tempfile.mkdtemp(prefix="telemetry-bench-"))
    load = Load(whole(wanted.spans), hours=wanted.hours, end_ns=time.time_ns())
    columns: dict[str, Rows] = {}
    try:
        for name in wanted.systems:
            bench = Bench(SYSTEMS[name], (wanted.data or scratch) / name, options)
            if wanted.grow:
                columns |= grow(bench, load, wanted.grow, fed=wanted.fed)
            else:
                columns[name] = measure(bench, load, wanted)
            if wanted.json:
                wanted.json.write_text(json.dumps(columns, indent=1))
    finally:
        shutil.rmtree(scratch)
    print(table(columns, wanted.systems[0]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--systems", type=commas, default=["trimtab"])
    parser.add_argument("--spans", type=int, default=20_480)
    parser.add_argument("--parts", type=commas, default=["kill", "queries", "together"])
    parser.add_argument("--hours", type=float, default=23.5, help="time that the spans span")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--gzip", action="store_true", help="compress the requests")
    parser.add_argument("--repeats", type=int, default=30, help="of each query")
    parser.add_argument("--quiet-s", type=float, default=5.0, help="without work means settled")
    parser.add_argument("--rate", type=float, default=256.0, help="spans/s while queries run")
    parser.add_argument("--together-s", type=float, default=30.0)
    parser.add_argument("--kill-spans", type=int, default=10_240)
    parser.add_argument("--times", type=int, default=10, help="enlarge: how many times as many")
    parser.add_argument("--trace-spans", type=int, default=50_000, help="one-trace: its size")
    parser.add_argument("--grow", type=numbers, default=[])
    parser.add_argument("--fed", type=int, default=1_000_000, help="grow: beyond it, copy")
    parser.add_argument("--data", type=Path, help="keep the data here; --grow goes on from it")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser.parse_args()


def commas(text: str) -> list[str]:
    return text.split(",")


def numbers(text: str) -> list[int]:
    return [whole(int(part.replace("_", ""))) for part in text.split(",")]


def whole(spans: int, per_request: int = 512) -> int:
    """Whole requests, so that every span counted was sent."""
    return -(-spans // per_request) * per_request


def measure(bench: Bench, load: Load, wanted: argparse.Namespace) -> Rows:
    rows: Rows = {}
    if "kill" in wanted.parts:
        aside = replace(bench, data=bench.data.with_name(f"{bench.system.name}-killed"))
        rows |= aside.killed(replace(load, spans=whole(wanted.kill_spans)))
    server = bench.start()
    try:
        rows = bench.idle(server) | bench.ingest(server, load) | rows
        if "queries" in wanted.parts:
            rows |= bench.queries(server, load)
        if "enlarge" in wanted.parts:
            server, more = enlarge(bench, server, load, wanted.times)
            rows |= more
        if "together" in wanted.parts:
            rows |= bench.together(server, load)
        if "one-trace" in wanted.parts:
            rows |= bench.one_trace(server, load, wanted.trace_spans)
    finally:
        server.stop()
    return rows


def enlarge(bench: Bench, server: Server, load: Load, times: int) -> tuple[Server, Rows]:
    """The queries again on a store `times` as large; and ingest, where it was fed."""
    size = f"{load.spans * times:,} spans"
    if bench.system.duplicates:
        server.stop()
        bench.system.copy(bench.data, times)
        server = bench.start()
        bench.settle(server)
        rows = bench.queries(server, load)
    else:
        rest = replace(load, spans=load.spans * (times - 1), seed=load.seed + 1)
        rows = bench.ingest(server, rest) | bench.queries(server, rest)
    return server, {f"{name}, at {size}": figure for name, figure in rows.items()}


def grow(bench: Bench, load: Load, sizes: list[int], *, fed: int) -> dict[str, Rows]:
    """A column for each size, on one store; goes on where a run on `--data` stopped.

    Sizes up to `fed` are fed. Beyond, the store is copied, and a little more is fed to it.
    """
    kept = Sizes(bench.data.with_suffix(".json"))
    server, columns = bench.start(), {}
    try:
        idle = bench.idle(server)
        asked = load
        for size, below in zip(sizes, [0, *sizes], strict=False):
            column = f"{bench.system.name} {size:,}"
            if size > fed:
                server, rows = copied(bench, server, replace(load, seed=load.seed + size), size)
                columns[column] = idle | rows | bench.queries(server, asked)
                continue
            stage = replace(load, spans=size - below, seed=load.seed + size)
            asked, first = kept.stage(stage)
            rows = {}
            if first >= asked.requests and size < max(sizes):
                continue
            if first < asked.requests:
                total = size + bench.warmed
                rows = bench.ingest(server, asked, first=first, note=kept.note, total=total)
                kept.note(asked.requests, at_once=True)
            columns[column] = idle | rows | bench.queries(server, asked)
    finally:
        server.stop()
    return columns


def copied(bench: Bench, server: Server, load: Load, size: int) -> tuple[Server, Rows]:
    """The server on a store copied up to a size, and what feeding it goes on to cost."""
    held = bench.system.count(server)
    server.stop()
    bench.system.copy(bench.data, round(size / held))
    server = bench.start()
    bench.settle(server)
    rows = bench.ingest(server, replace(load, spans=MORE_SPANS))
    start = {"start to ready": Figure(server.start_s, "s")}
    return server, start | {name: rows[name] for name in rows if not name.startswith("disk")}


def table(columns: dict[str, Rows], reference: str) -> str:
    """A row for each figure, with its ratio to that of the reference, where there is one."""
    names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "",
    ]
    lines += ["| figure | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        base = columns.get(reference, {}).get(name)
        cells = [cell(rows.get(name), base) for rows in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(figure: Figure | None, base: Figure | None) -> str:
    if figure is None:
        return "–"
    if isinstance(figure.value, str):
        return figure.value
    digits = 0 if figure.value >= 100 or figure.value == int(figure.value) else 2
    text = f"{figure.value:,.{digits}f} {figure.unit}".strip()
    if base is None or base is figure or isinstance(base.value, str) or not base.value:
        return text
    return f"{text} ({figure.value / base.value:,.2g}×)"


if __name__ == "__main__":
    main()
