"""`trimtab traces tail`: traces as they are recorded."""

from __future__ import annotations

import sys
from typing import Any

import click

from trimtab.cli.columns import SHORT_ID, ms, usd, when
from trimtab.cli.connect import client_options, connected
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import note, table
from trimtab.kit import jsonx


@click.command("tail", cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option("--limit", type=click.IntRange(min=1), help="End after so many.  [default: never]")
def followed(as_json: bool, filter: tuple[str, ...], limit: int | None, **flags: Any) -> None:
    """Show traces that FILTER means as they are recorded, until Ctrl-C.

    With --json each is one line of JSON.
    """
    shown = 0
    with connected(flags) as client:
        for event in client.tail(joined(filter)):
            said = jsonx.decode((event.data or "null").encode())
            if event.name == "missed":
                note(f"too much at once: {said['spans']} spans were passed over")
                continue
            click.echo(event.data if as_json else _line(said))
            sys.stdout.flush()
            shown += 1
            if shown == limit:
                return


def _line(row: dict[str, Any]) -> str:
    """A trace in one line, in columns of a fixed width."""
    said = " ".join(str(row["input_preview"]).split())
    cells = [
        row["trace_id"][:SHORT_ID],
        when(row["start_ns"]),
        f"{row['name'][:14]:<14}",
        f"{row['status']:<9}",
        f"{ms(row['duration_ms']):>7}",
        f"{usd(row['cost_usd'], unpriced=row['unpriced']):>9}",
        said[:40],
    ]
    return table([cells], [""] * len(cells)).split("\n", 1)[1]
