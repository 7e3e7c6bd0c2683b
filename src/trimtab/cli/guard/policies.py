"""`trimtab guard policies`: which guards hold where, and in which mode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table, table
from trimtab.client import api_path


@click.command("policies")
@client_options
@click.argument("name", required=False)
@click.option(
    "--put",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Create or replace NAME with the policy of a YAML or JSON file.",
)
@click.option("--delete", "deletes", is_flag=True, help="Delete NAME.")
def command(
    as_json: bool, name: str | None, file: Path | None, deletes: bool, **flags: Any
) -> None:
    """List the policies of guards, or show the rules of NAME."""
    if name is None:
        if file or deletes:
            raise click.UsageError("name the policy that is meant")
        _list(as_json, flags)
        return
    if file and deletes:
        raise click.UsageError("--put and --delete exclude each other")
    with connected(flags) as client:
        path = api_path("guards", "policies", name)
        if deletes:
            done = client.delete(path)
            emit(done, as_json, text=lambda: f"deleted {done['deleted']}")
            return
        found = client.put(path, _body(file)) if file else client.get(path)
    emit(found, as_json, text=lambda: _text(found))


def _list(as_json: bool, flags: Mapping[str, Any]) -> None:
    with connected(flags) as client:
        rows = client.get("/api/v1/guards/policies")["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["name"],
                row["in_mode"],
                row["extends"],
                len(row["in_force"]),
                ", ".join(row["routes"]) or None,
                row["version"],
                row["revision"],
                row["source"],
            ]
            for row in rows
        ],
        ["policy", "mode", "extends", "rules", "routes", "version", "revision", "source"],
    )


def _body(file: Path) -> dict[str, Any]:
    from trimtab.config.entries import read_entries

    given = read_entries(file)
    return {key: value for key, value in given.items() if key not in ("name", "project")}


def _text(found: Mapping[str, Any]) -> str:
    rules = [
        [
            one["name"] or one["signal"] or one["scorer"],
            one["signal"] or f"scorer {one['scorer']}",
            ", ".join(one["on"]),
            one["action"],
            one["mode"],
            one["threshold"],
            ", ".join(one["kinds"]) or None,
        ]
        for one in found["in_force"]
    ]
    columns = ["rule", "signal", "on", "action", "mode", "threshold", "kinds"]
    hides = found["hides"]
    return "\n".join(
        [
            f"{found['name']} ({found['source']}), mode {found['in_mode']}, {found['version']}",
            *([found["note"]] if found["note"] else []),
            f"on record: secrets {hides['secrets']}, pii {hides['pii']}",
            "",
            table(rules, columns),
        ]
    )
