"""Markdown tables of medians: a row for each system, with its ratios to nginx and to Trimtab."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from parts import Row


class Column(NamedTuple):
    title: str
    figure: str
    digits: int = 0


class Shape(NamedTuple):
    """A table: what it says, and the figure that the ratios are of."""

    title: str
    columns: Sequence[Column]
    ratio_of: str | None = None
    per_cpu: str | None = None  # CPU of a request: holds where others use the machine too
    added: Sequence[str] = ()  # figures also shown as more than those of `direct`


ERRORS = [Column("errors", "errors"), Column("unfinished", "unfinished")]
SHAPES = {
    "nonstream": Shape(
        "JSON answers, closed loop, one core",
        [
            Column("requests/s", "rps"),
            Column("CPU µs/request", "us", 1),
            Column("of it main thread", "main_us", 1),
            Column("other threads", "others_us", 1),
            Column("then to the store", "stored_us", 1),
            Column("then until idle", "after_us", 1),
            Column("p50 ms", "p50_ms", 2),
            Column("p99 ms", "p99_ms", 2),
            Column("upstream connections", "upstream_connections"),
            *ERRORS,
        ],
        "rps",
        "us",
    ),
    "latency": Shape(
        "100 requests/s over an upstream of 50 ms",
        [
            Column("p50 ms", "p50_ms", 2),
            Column("p90 ms", "p90_ms", 2),
            Column("p99 ms", "p99_ms", 2),
            Column("CPU µs/request", "us"),
            *ERRORS,
        ],
        added=("p50_ms", "p99_ms"),
    ),
    "stream": Shape(
        "200 streams at a time, 32 chunks 10 ms apart after 50 ms",
        [
            Column("events/s", "events_per_s"),
            Column("CPU %", "cpu_share", 1),
            Column("events per CPU second", "per_core"),
            Column("TTFB p50 ms", "ttfb_p50_ms", 1),
            Column("TTFB p99 ms", "ttfb_p99_ms", 1),
            Column("CPU µs/stream then to the store", "stored_us", 1),
            Column("then until idle", "after_us", 1),
            *ERRORS,
        ],
        "per_core",
        added=("ttfb_p50_ms",),
    ),
    "large": Shape(
        "334 kB bodies",
        [
            Column("CPU ms/request", "cpu_ms", 3),
            Column("then to the store", "stored_ms", 3),
            Column("then until idle", "after_ms", 3),
            Column("requests/s", "rps"),
            Column("p50 ms", "p50_ms", 2),
            Column("p99 ms", "p99_ms", 2),
            *ERRORS,
        ],
        "cpu_ms",
    ),
    "memory": Shape(
        "Resident memory over many requests, half of them streams, a tenth given up",
        [
            Column("requests", "requests"),
            Column("given up", "cancelled"),
            Column("first MiB", "first_mib", 1),
            Column("last MiB", "last_mib", 1),
            Column("settled MiB", "settled_mib", 1),
            Column("MiB per 10⁶ requests", "slope", 1),
            Column("errors", "errors"),
        ],
    ),
    "ready": Shape(
        "Start and weight",
        [
            Column("listening s", "listening_s", 2),
            Column("first answer s", "answering_s", 2),
            Column("idle RSS MiB", "idle_mib", 1),
            Column("idle PSS MiB", "idle_pss_mib", 1),
            Column("idle CPU %", "idle_cpu", 1),
            Column("peak RSS MiB", "peak_mib", 1),
            Column("calls sent", "sent"),
            Column("calls stored", "stored"),
        ],
    ),
}


def medians(rows: Sequence[Row]) -> Row:
    names = {name: None for row in rows for name in row}
    return {name: statistics.median(row[name] for row in rows if name in row) for name in names}


def table(part: str, rows: Mapping[str, Sequence[Row]]) -> str:
    """The table of a part; `rows` are those of each round, by system."""
    shape, found = SHAPES[part], {name: medians(rounds) for name, rounds in rows.items()}
    titles = ["system", *(column.title for column in shape.columns)]
    titles += [f"added {name.removesuffix('_ms').replace('_', ' ')} ms" for name in shape.added]
    if shape.ratio_of:
        titles += ["× nginx", "× trimtab"]
    if shape.per_cpu:
        titles += ["× nginx by CPU", "× trimtab by CPU"]
    lines = [f"**{shape.title}**", "", "| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for name, row in found.items():
        cells = [name, *(number(row.get(column.figure), column.digits) for column in shape.columns)]
        cells += [number(less(row, found.get("direct"), figure), 2) for figure in shape.added]
        if shape.ratio_of:
            for reference in ("nginx", "trimtab"):
                cells.append(ratio(row, found.get(reference), shape.ratio_of))
        if shape.per_cpu:
            for reference in ("nginx", "trimtab"):
                cells.append(ratio(found.get(reference, {}), row, shape.per_cpu))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def less(row: Row, base: Row | None, figure: str) -> float | None:
    return row[figure] - base[figure] if base is not None else None


def ratio(row: Row, base: Row | None, figure: str) -> str:
    if base is None or not base.get(figure) or not row.get(figure):
        return "–"
    return f"{row[figure] / base[figure]:,.3g}"
