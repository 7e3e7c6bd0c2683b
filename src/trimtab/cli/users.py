"""`trimtab users`: what each user asked for, and what it cost."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.figures import show_groups
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import emit


@click.command(cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
def command(as_json: bool, filter: tuple[str, ...], limit: int, **flags: Any) -> None:
    """List users with their figures, the newest first, of the spans that FILTER means."""
    with connected(flags) as client:
        query = {"filter": joined(filter), "limit": limit}
        rows = client.get("/api/v1/users", query)["data"]
    if as_json:
        emit(rows, as_json)
    else:
        show_groups(rows, "user", empty="no users match")
