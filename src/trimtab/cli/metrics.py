"""`trimtab metrics`: what recorded spans add up to."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.columns import ms, usd, when
from trimtab.cli.connect import client_options, connected
from trimtab.cli.figures import show_groups
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import emit, show_table
from trimtab.cli.release_names import release_names
from trimtab.client import Client


@click.group()
def command() -> None:
    """Add up recorded calls by a field, or over time."""


@command.command("groups", cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option("--by", default="model", show_default=True, help="The field.")
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
def grouped(as_json: bool, filter: tuple[str, ...], by: str, limit: int, **flags: Any) -> None:
    """Add up the spans that FILTER means by a field, the most expensive first."""
    with connected(flags) as client:
        rows = client.groups(by, joined(filter), limit=limit)
        if not as_json:
            _name(client, rows, by)
    if as_json:
        emit(rows, as_json)
    else:
        show_groups(rows, by, empty="no spans match")


@command.command("series", cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option("--step", default="1h", show_default=True, help="How long a step is: 5m, 1h, 1d.")
@click.option("--by", help="Also by this field.")
def stepped(
    as_json: bool, filter: tuple[str, ...], step: str, by: str | None, **flags: Any
) -> None:
    """Add up the spans that FILTER means over time; without since: of the last 24 hours."""
    with connected(flags) as client:
        rows = client.series(joined(filter), step=step, by=by)
        if not as_json:
            _name(client, rows, by)
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                when(row["start_ns"]),
                *([row["key"]] if by else []),
                row["calls"],
                row["errors"],
                row["input_tokens"] + row["output_tokens"],
                usd(row["cost_usd"]),
                *(ms(row[f"latency_p{rank}_ms"]) for rank in (50, 95, 99)),
            ]
            for row in rows
        ],
        [
            *("started", *([by] if by else [])),
            *("calls", "errors", "tokens", "usd", "p50 ms", "p95 ms", "p99 ms"),
        ],
        right=("usd", "p50 ms", "p95 ms", "p99 ms"),
        empty="no spans match",
    )


def _name(client: Client, rows: list[dict[str, Any]], by: str | None) -> None:
    """Have releases called by their names."""
    if by == "release":
        names = release_names(client, (row["key"] for row in rows))
        for row in rows:
            row["key"] = names.get(row["key"], row["key"])
