"""`trimtab allowances`: what projects, teams, users and keys may spend and ask."""

from __future__ import annotations

from typing import Any, get_args

import click

from trimtab.cli.columns import usd
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.records.access import AllowanceKind

_KIND = click.Choice(list(get_args(AllowanceKind)))
_LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrency")


@click.group()
def command() -> None:
    """List, set and delete what may be spent and asked."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List allowances, by kind and name."""
    with connected(flags) as client:
        rows = client.get("/api/v1/allowances")["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [
            row["kind"],
            row["name"],
            *(None if row[name] is None else usd(row[name]) for name in _BUDGETS),
            *(row[name] for name in _LIMITS),
            row["source"],
        ]
        for row in rows
    ]
    columns = ["kind", "name", "usd/day", "usd/month", "req/min", "tok/min", "at once", "source"]
    show_table(cells, columns, right=columns[2:7], empty="no allowances yet")


_BUDGETS = ("daily_usd", "monthly_usd")


@command.command("set")
@client_options
@click.argument("kind", type=_KIND)
@click.argument("name")
@click.option("--daily-usd", metavar="USD", help="Budget of a UTC day.")
@click.option("--monthly-usd", metavar="USD", help="Budget of a UTC month.")
@click.option(
    "--soft", type=float, help="Share of a budget that warnings begin at.  [default: 0.8]"
)
@click.option(
    "--unpriced",
    type=click.Choice(["allow", "deny"]),
    help="Whether calls without a known price may pass.  [default: allow]",
)
@click.option("--requests-per-minute", type=int, help="Requests per minute.")
@click.option("--tokens-per-minute", type=int, help="Tokens per minute.")
@click.option("--concurrency", type=int, help="Requests at one time.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="PATTERN",
    help="What may be asked for; may be repeated.  [default: everything]",
)
def put(as_json: bool, kind: str, name: str, models: tuple[str, ...], **given: Any) -> None:
    """Set the allowance of a KIND (project, team, user or key) called NAME, in place of the last.

    A key goes by its name or its id; `*` means each that has no allowance of its own.
    What is not given has no limit.
    """
    fields = (*_BUDGETS, "soft", "unpriced", *_LIMITS)
    body = {field: given.pop(field) for field in fields if given.get(field) is not None}
    if models:
        body["models"] = models
    with connected(given) as client:
        allowance = client.put("/api/v1/allowances", {"kind": kind, "name": name, **body})
    emit(allowance, as_json, text=lambda: f"set the allowance of {kind} {name}")


@command.command("delete")
@client_options
@click.argument("kind", type=_KIND)
@click.argument("name")
def deleted(as_json: bool, kind: str, name: str, **flags: Any) -> None:
    """Delete an allowance: what it limited is without a limit of its own."""
    with connected(flags) as client:
        done = client.delete("/api/v1/allowances", {"kind": kind, "name": name})
    emit(done, as_json, text=lambda: f"deleted the allowance of {done['deleted']}")
