"""`trimtab status`: is a server running, is it ready, and what did it see today."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, table


@click.command()
@client_options
@click.option("--hours", type=int, default=24, show_default=True, help="How far back.")
def command(as_json: bool, hours: int, **flags: Any) -> None:
    """Show the running server and its figures."""
    with connected(flags) as client:
        status = {
            "url": client.url,
            **client.get("/readyz"),
            "overview": client.get("/api/v1/metrics/overview", {"hours": hours}),
        }
    emit(status, as_json, text=lambda: _text(status, hours))


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
    return table(rows, ["", ""]).lstrip()
