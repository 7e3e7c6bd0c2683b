"""Figures of groups of spans, as a table: what sessions, users and metrics have in common."""

from __future__ import annotations

from typing import Any

from trimtab.cli.columns import ms, usd, when
from trimtab.cli.output import show_table


def show_groups(rows: list[dict[str, Any]], name: str, *, empty: str) -> None:
    """A line for each value of a field; `empty` is said where there is none."""
    show_table(
        [
            [
                row["key"],
                row["traces"],
                row["calls"],
                row["errors"],
                row["input_tokens"] + row["output_tokens"],
                usd(row["cost_usd"], unpriced=row["unpriced"]),
                ms(row["latency_p50_ms"]),
                ms(row["latency_p95_ms"]),
                when(row["last_ns"]),
            ]
            for row in rows
        ],
        [name, "traces", "calls", "errors", "tokens", "usd", "p50 ms", "p95 ms", "last"],
        right=("usd", "p50 ms", "p95 ms"),
        empty=empty,
    )
