"""`trimtab status`: is a server running, is it ready, and what did it see today."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import INFRASTRUCTURE
from trimtab.cli.output import emit, table
from trimtab.client import Client
from trimtab.errors import TrimtabError


@click.command()
@client_options
@click.option("--hours", type=int, default=24, show_default=True, help="How far back.")
def command(as_json: bool, hours: int, **flags: Any) -> None:
    """Show the running server and its figures; exits 4 when it is not ready.

    Latencies are right to within 1 %.
    """
    with connected(flags) as client:
        status = {
            "url": client.url,
            **_readiness(client),
            "overview": client.get("/api/v1/metrics/overview", {"hours": hours}),
        }
    emit(status, as_json, text=lambda: _text(status, hours))
    click.get_current_context().exit(INFRASTRUCTURE if status["failures"] else 0)


def _readiness(client: Client) -> dict[str, Any]:
    """What the server says about itself, which it says with an error when it is not ready."""
    try:
        ready: dict[str, Any] = client.get("/readyz")
    except TrimtabError as error:
        if "failures" not in error.fields:
            raise
        return {"status": "not ready", "failures": error.fields["failures"]}
    return ready


def _text(status: dict[str, Any], hours: int) -> str:
    seen = status["overview"]
    latency = [seen[f"latency_p{rank}_ms"] for rank in (50, 95, 99)]
    shown = " / ".join("-" if value is None else f"{value:.1f}" for value in latency)
    rows = [
        ["server", f"{status['url']} ({status['status']})"],
        [f"calls in {hours} h", f"{seen['calls']}, {seen['errors']} failed"],
        ["latency p50/95/99", f"{shown} ms"],
        ["tokens in / out", f"{seen['input_tokens']} / {seen['output_tokens']}"],
        ["cost", f"${seen['cost_usd']}, {seen['unpriced']} calls unpriced"],
        ["traces / spans", f"{seen['traces']} / {seen['spans']}"],
    ]
    rows += [[f"not ready: {name}", why] for name, why in status["failures"].items()]
    return table(rows, ["", ""]).lstrip()
