"""`trimtab releases experiment`: two releases of a route beside each other, in live traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit
from trimtab.cli.releases.figures import figure_lines
from trimtab.client import api_path
from trimtab.kit.clock import iso


@click.command("experiment")
@client_options
@click.argument("route")
@click.option("--base", metavar="REF", help="Compared with it.  [default: the older of two]")
@click.option("--new", metavar="REF", help="What is compared.  [default: the newest that answers]")
@click.option("--figures", metavar="LIST", help="error,blocked,slow=MS,cost=USD,score=NAME.")
@click.option("--since", metavar="PERIOD", help="How far back: 24h.  [default: 7d]")
@click.option("--low", type=float, help="The least value of the scores.  [default: 0]")
@click.option("--high", type=float, help="The greatest value of the scores.  [default: 1]")
@click.option("--better", type=click.Choice(("higher", "lower")), help="Of the scores.")
@click.option("--alpha", type=float, help="How often the figures together may mislead.")
def compared(as_json: bool, route: str, **given: Any) -> None:
    """Compare two releases that both answer on a route, figure by figure.

    The intervals hold whenever you look, and however often. Nothing is moved by it.
    """
    asked = ("base", "new", "figures", "since", "low", "high", "better", "alpha")
    query = {name: given.pop(name) for name in asked}
    with connected(given) as client:
        found = client.get(api_path("routes", route, "experiment"), query)
    emit(found, as_json, text=lambda: _table(found))


def _table(found: Mapping[str, Any]) -> str:
    base, new = found["base"], found["new"]
    lines = [f"{new} beside {base} since {iso(found['since_ns'])}"]
    lines += figure_lines(found["figures"], new=new, base=base)
    return "\n".join(printable(part) for line in lines for part in line.splitlines())
