"""`trimtab scores`: the judgements."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.kit.clock import iso


@click.group()
def command() -> None:
    """List judgements of calls and examples."""


@command.command("list")
@client_options
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
@click.option("--name", help="Only this score.")
@click.option("--run", help="Only scores of this run.")
def listed(as_json: bool, limit: int, name: str | None, run: str | None, **flags: Any) -> None:
    """List the newest scores."""
    with connected(flags) as client:
        rows = client.get("/api/v1/scores", {"limit": limit, "name": name, "run": run})["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                iso(row["time_ns"]),
                row["name"],
                row["source"],
                row["status"],
                next((row[k] for k in ("passed", "value", "label") if row[k] is not None), None),
                f"{row['target']['kind']} {row['target']['id']}",
                row["reason"],
            ]
            for row in rows
        ],
        ["time", "score", "source", "status", "judgement", "target", "reason"],
        empty="no scores match",
    )
