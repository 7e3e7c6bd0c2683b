"""`trimtab spend`: what was spent, by whom."""

from __future__ import annotations

from typing import Any, get_args

import click

from trimtab.cli.columns import usd
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.records.access import AllowanceKind


@click.command()
@client_options
@click.option(
    "--period", help="A UTC day or month, as 2026-11-21 or 2026-11.  [default: this month]"
)
@click.option(
    "--kind",
    type=click.Choice(list(get_args(AllowanceKind))),
    help="Only projects, teams, users or keys.",
)
def command(as_json: bool, period: str | None, kind: str | None, **flags: Any) -> None:
    """Show what projects, teams, users and keys spent, the most first."""
    with connected(flags) as client:
        rows = client.get("/api/v1/spend", {"period": period, "kind": kind})["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [
            row["kind"],
            row["name"],
            row["period"],
            row["requests"],
            row["tokens_input"],
            row["tokens_output"],
            usd(row["cost_usd"], unpriced=row["unpriced"]),
        ]
        for row in rows
    ]
    columns = ["kind", "name", "period", "requests", "input", "output", "cost_usd"]
    show_table(cells, columns, right=columns[3:], empty="nothing was spent")
