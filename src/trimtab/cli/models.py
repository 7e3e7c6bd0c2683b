"""`trimtab models`: the catalogue of approved models."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table


@click.group()
def command() -> None:
    """List, approve and withdraw the models that may be used."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List the catalogue of approved models; while it is empty, every model may be used."""
    with connected(flags) as client:
        rows = client.get("/api/v1/approved-models")["data"]
    if as_json:
        emit(rows, as_json)
        return
    columns = ["model", "expires", "approved_by", "source", "suitable", "unsuitable"]
    cells = [[row[name] or None for name in columns] for row in rows]
    headings = [name.replace("_", " ") for name in columns]
    show_table(cells, headings, empty="no catalogue: every model may be used")


@command.command("approve")
@client_options
@click.argument("model")
@click.option("--suitable", help="What it is good for.")
@click.option("--unsuitable", help="What it is not for.")
@click.option("--expires", metavar="DAY", help="The last day it may be used, as 2027-01-31 (UTC).")
def approved(
    as_json: bool,
    model: str,
    suitable: str | None,
    unsuitable: str | None,
    expires: str | None,
    **flags: Any,
) -> None:
    """Approve a model, or a pattern such as openai/*.

    With the first entry of the catalogue, what is not in it may no longer be used.
    """
    notes = {"suitable": suitable, "unsuitable": unsuitable, "expires": expires}
    body = {"model": model} | {name: text for name, text in notes.items() if text is not None}
    with connected(flags) as client:
        entry = client.put("/api/v1/approved-models", body)
    emit(entry, as_json, text=lambda: f"{entry['model']} is approved")


@command.command("withdraw")
@client_options
@click.argument("model")
def withdrawn(as_json: bool, model: str, **flags: Any) -> None:
    """Withdraw an entry of the catalogue, by its pattern."""
    with connected(flags) as client:
        done = client.delete("/api/v1/approved-models", {"model": model})
    emit(done, as_json, text=lambda: f"{done['deleted']} is not approved any more")
