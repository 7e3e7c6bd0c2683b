"""`trimtab audit`: who changed what, and when."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note, show_table
from trimtab.kit.clock import iso


@click.command()
@client_options
@click.option("--object", "ref", metavar="REF", help="Only of docs@3, or of every version of docs.")
@click.option("--action", metavar="NOUN", help="Only of a noun (release), or release.promote.")
@click.option("--by", metavar="PRINCIPAL", help="Only what this one did.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="How many.")
@click.option("--before", type=click.IntRange(0), metavar="SEQ", help="Only older than this one.")
def command(
    as_json: bool,
    ref: str | None,
    action: str | None,
    by: str | None,
    limit: int,
    before: int | None,
    **flags: Any,
) -> None:
    """List changes to what is stored: who made which, and when, newest first."""
    asked = {"object": ref, "action": action, "principal": by, "limit": limit, "before": before}
    with connected(flags) as client:
        page = client.get("/api/v1/audit", asked)
    if as_json:
        emit(page, as_json)
        return
    cells = [
        [row["seq"], iso(row["time_ns"]), row["principal"], row["action"], row["object"]]
        for row in page["data"]
    ]
    show_table(cells, ["seq", "time", "by", "what", "of"], empty="nothing was changed")
    if page["next"] is not None:
        note(f"there are older ones: --before {page['next']}")
