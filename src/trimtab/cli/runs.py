"""`trimtab runs`: the experiments."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.cli.verdicts import metrics_text, verdict_text
from trimtab.client import api_path
from trimtab.kit.clock import iso
from trimtab.records import Run


@click.group()
def command() -> None:
    """List and show experiments."""


@command.command("list")
@client_options
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
def listed(as_json: bool, limit: int, **flags: Any) -> None:
    """List the newest runs."""
    with connected(flags) as client:
        rows = client.get("/api/v1/runs", {"limit": limit})["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["run_id"],
                iso(row["started_ns"]),
                row["release"],
                row["dataset"],
                row["status"],
                f"{row['done']}/{row['total']}",
                row["verdict"]["outcome"] if row["verdict"] else None,
            ]
            for row in rows
        ],
        ["run", "started", "release", "dataset", "status", "done", "verdict"],
        empty="no runs yet",
    )


@command.command("show")
@client_options
@click.argument("run_id")
def shown(as_json: bool, run_id: str, **flags: Any) -> None:
    """Show a run's numbers and its verdict."""
    with connected(flags) as client:
        found = client.get(api_path("runs", run_id))
    run = msgspec.convert(found, Run)
    emit(found, as_json, text=lambda: f"{run.name}: {run.status}\n{_body(run)}")


def _body(run: Run) -> str:
    return metrics_text(run) + ("\n\n" + verdict_text(run) if run.verdict else "")
