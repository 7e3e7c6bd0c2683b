"""`trimtab traces list`: the newest traces."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.columns import SHORT_ID, ms, room, usd, when
from trimtab.cli.connect import client_options, connected
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import emit, show_table

_FIGURES = ["trace", "started", "name", "status", "ms", "usd"]
_PREVIEW = 60
_ROOM_FOR_BOTH = 50


@click.command("list", cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
@click.option("--route", help="Only this route.")
@click.option(
    "--sort",
    type=click.Choice(["start", "duration", "cost", "tokens", "spans", "errors"]),
    default="start",
    show_default=True,
    help="By what, the greatest first.",
)
def listed(
    as_json: bool, filter: tuple[str, ...], limit: int, route: str | None, sort: str, **flags: Any
) -> None:
    """List the newest traces that FILTER means: status:error cost_usd>0.01 since:24h."""
    with connected(flags) as client:
        rows = client.traces(joined(filter), limit=limit, route=route, sort=sort)
    if as_json:
        emit(rows, as_json)
        return
    _show(rows)


def _show(rows: list[dict[str, Any]]) -> None:
    """A line for each trace; a narrow window shows what was asked, a wide one the answer too."""
    cells = [_cells(row) for row in rows]
    left = room(cells, _FIGURES)
    previews = ["input", "output"] if left is None or left >= _ROOM_FOR_BOTH else ["input"]
    each = _PREVIEW if left is None else left // len(previews) - len(previews)
    for line, row in zip(cells, rows, strict=True):
        line += [row[f"{name}_preview"][:each] for name in previews]
    show_table(cells, [*_FIGURES, *previews], right=("ms", "usd"), empty="no traces match")


def _cells(row: dict[str, Any]) -> list[object]:
    return [
        row["trace_id"][:SHORT_ID],
        when(row["start_ns"]),
        row["name"][:16],
        row["status"],
        ms(row["duration_ms"]),
        usd(row["cost_usd"], unpriced=row["unpriced"]),
    ]
