"""`trimtab cache`: answers that the running server keeps to give them again."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit


@click.group()
def command() -> None:
    """Empty the cache of answers."""


@command.command("clear")
@client_options
@click.option("--route", help="Only the answers of this route.")
def clear(as_json: bool, route: str | None, **flags: Any) -> None:
    """Forget the cached answers of the project, or of one route."""
    with connected(flags) as client:
        done = client.delete("/api/v1/cache", {"route": route})
    emit(done, as_json, text=lambda: f"forgot {done['cleared']} answers")
