"""`trimtab guard events`: the calls on which guards saw something."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.kit.clock import iso


@click.command("events")
@client_options
@click.option("--since", default="7d", show_default=True, help="How far back: 24h, 30d.")
@click.option("--rule", help="Only of this rule.")
@click.option("--filter", "where", help="Only of traces that it means: user:u7 route:chat.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many.")
def command(
    as_json: bool, since: str, rule: str | None, where: str | None, limit: int, **flags: Any
) -> None:
    """List the newest calls on which a rule fired or failed."""
    query = {"since": since, "rule": rule, "filter": where, "limit": limit}
    with connected(flags) as client:
        rows = client.get("/api/v1/guards/events", query)["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                iso(row["time_ns"]),
                row["rule"],
                row["stage"],
                row["action"],
                row["would"],
                row["value"],
                ", ".join(dict.fromkeys(one["kind"] for one in row["findings"])) or None,
                row["trace_id"],
            ]
            for row in rows
        ],
        ["time", "rule", "side", "did", "would have", "score", "kinds", "trace"],
        empty="no guard saw anything in this time",
    )
