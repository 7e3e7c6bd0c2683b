"""`trimtab releases watch`: a canary beside what it runs beside, while the calls come in."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, is_fancy
from trimtab.cli.releases.figures import figure_lines
from trimtab.client import api_path
from trimtab.kit.clock import iso

_EVERY_S = 2.0
_CLEAR = "\x1b[H\x1b[2J"


@click.command("watch")
@client_options
@click.argument("ref")
@click.option("--figures", metavar="LIST", help="error,blocked,slow=MS,cost=USD,score=NAME.")
@click.option("--once", is_flag=True, help="Print it once, also on a terminal.")
def watched(as_json: bool, ref: str, figures: str | None, once: bool, **flags: Any) -> None:
    """Show how a canary does beside what it runs beside, with intervals for any time.

    On a terminal the table changes while calls come in, until the canary ends or you press Ctrl-C.
    The figures are those it is watched for; --figures names others where nobody watches.
    """
    path, query = api_path("releases", ref, "watch"), {"figures": figures}
    with connected(flags) as client:
        found = client.get(path, query)
        if as_json or once or not is_fancy(sys.stdout):
            emit(found, as_json, text=lambda: watch_table(found))
            return
        while True:
            click.echo(_CLEAR + watch_table(found))
            if found["state"] != "canary":
                return
            time.sleep(_EVERY_S)
            found = client.get(path, query)


def watch_table(found: Mapping[str, Any]) -> str:
    """The figures as a table, with what they come to in words."""
    share = f", {100 * found['share']:.3g}% of the requests" if found["share"] else ""
    since = f"since {iso(found['since_ns'])}{share}"
    lines = [f"{found['release']} beside {found['beside']} {since}: {_sighting(found)}"]
    lines += figure_lines(found["figures"], new="canary", base="main")
    if found["taken_back"]:
        lines.append(found["taken_back"])
    return "\n".join(printable(part) for line in lines for part in line.splitlines())


def _sighting(found: Mapping[str, Any]) -> str:
    if found["state"] != "canary":
        return f"it is {found['state']} now"
    return {
        "watched": "watched, and taken back if it is proved worse",
        "blind": "watched, but its calls cannot be read at present",
        "asked": "nobody watches it; these are figures of now",
    }[found["sighting"]]
