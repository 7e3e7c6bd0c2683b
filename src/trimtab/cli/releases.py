"""`trimtab releases`: what answers behind a route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.kit import jsonx
from trimtab.kit.clock import iso


@click.group()
def command() -> None:
    """List, create, promote and roll back releases."""


@command.command("list")
@client_options
@click.option("--route", help="Only this route.")
def listed(as_json: bool, route: str | None, **flags: Any) -> None:
    """List releases, newest first."""
    with connected(flags) as client:
        rows = client.get("/api/v1/releases", {"route": route})["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                _ref(row),
                row["state"],
                _models(row),
                row["prompt"],
                iso(row["created_ns"]),
                row["note"],
            ]
            for row in rows
        ],
        ["release", "state", "models", "prompt", "created", "note"],
    )


@command.command("show")
@client_options
@click.argument("ref")
def shown(as_json: bool, ref: str, **flags: Any) -> None:
    """Show one release, by ROUTE@VERSION or id."""
    with connected(flags) as client:
        release = client.get(f"/api/v1/releases/{ref}")
    emit(release, as_json, text=lambda: "\n".join(f"{k}: {v}" for k, v in release.items()))


@command.command("create")
@client_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def created(as_json: bool, file: Path, **flags: Any) -> None:
    """Create a candidate release from a JSON file with its bundle."""
    bundle = jsonx.decode(file.read_bytes(), dict[str, Any], what=str(file))
    with connected(flags) as client:
        release = client.post("/api/v1/releases", bundle)
    emit(release, as_json, text=lambda: f"{_ref(release)} is a {release['state']}")


@command.command("promote")
@client_options
@click.argument("ref")
@click.option("--run", help="The run whose verdict is the evidence.")
@click.option("--reason", help="Why; needed with --force.")
@click.option("--force", is_flag=True, help="Go live without a passing verdict.")
def promoted(
    as_json: bool, ref: str, run: str | None, reason: str | None, force: bool, **flags: Any
) -> None:
    """Make a release live, on the evidence of a run."""
    with connected(flags) as client:
        body = {"run": run, "reason": reason, "force": force}
        release = client.post(f"/api/v1/releases/{ref}/promote", body)
    emit(release, as_json, text=lambda: f"{_ref(release)} is {release['state']}")


@command.command("rollback")
@client_options
@click.argument("ref")
@click.option("--reason", required=True, help="Why.")
def rolled_back(as_json: bool, ref: str, reason: str, **flags: Any) -> None:
    """Take a live release back: the one that was live before it answers again."""
    with connected(flags) as client:
        release = client.post(f"/api/v1/releases/{ref}/rollback", {"reason": reason})
    emit(release, as_json, text=lambda: f"{_ref(release)} is {release['state']}")


def _ref(row: dict[str, Any]) -> str:
    return f"{row['route']}@{row['version']}"


def _models(row: dict[str, Any]) -> str:
    return ", ".join(target["model"] for target in row["targets"])
