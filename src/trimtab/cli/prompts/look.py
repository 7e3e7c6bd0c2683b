"""`trimtab prompts`: what only reads the registry."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, show_table
from trimtab.client import api_path
from trimtab.kit.clock import iso
from trimtab.records import Prompt, PromptEntry


@click.command("list")
@client_options
@click.option("--folder", help="Only those of this folder and those in it.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--label", help="Only those with this label.")
@click.option("--archived", is_flag=True, help="Archived ones as well.")
def listed(as_json: bool, archived: bool, **flags: Any) -> None:
    """List prompts, by folder and name."""
    query = {name: flags.pop(name) for name in ("folder", "tag", "label")}
    with connected(flags) as client:
        asked = {**query, "archived": "true" if archived else None}
        rows = client.get("/api/v1/prompt-entries", asked)["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["folder"] or None,
                row["name"],
                row["latest"],
                _pointers(row["labels"]),
                ", ".join(row["tags"]) or None,
                "archived" if row["archived"] else row["description"][:60],
            ]
            for row in rows
        ],
        ["folder", "prompt", "newest", "labels", "tags", "description"],
        empty="no prompts yet",
    )


@click.command("show")
@client_options
@click.argument("ref")
def shown(as_json: bool, ref: str, **flags: Any) -> None:
    """Show a prompt as its file would be: NAME, NAME@3 or NAME@production."""
    from trimtab.prompts.prompt_files import of_prompt, written

    with connected(flags) as client:
        wire = client.get(api_path("prompts", ref))
        entry = client.get(api_path("prompts", wire["name"], "entry"))
    if as_json:
        emit(wire, as_json)
        return
    prompt = msgspec.convert(wire, Prompt)
    file = of_prompt(prompt, msgspec.convert(entry, PromptEntry))
    labels = f" ({', '.join(prompt.labels)})" if prompt.labels else ""
    click.echo(f"{prompt.ref}{labels}  {prompt.digest[:12]}  {iso(prompt.created_ns)}\n")
    click.echo(printable(written(file)), nl=False)


@click.command("versions")
@client_options
@click.argument("name")
def versions(as_json: bool, name: str, **flags: Any) -> None:
    """List the versions of a prompt, newest first."""
    with connected(flags) as client:
        rows = client.get(api_path("prompts", name, "versions"))["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                f"{row['name']}@{row['version']}",
                ", ".join(row["labels"]) or None,
                row["digest"][:12],
                row["author"],
                iso(row["created_ns"]),
                row["note"],
            ]
            for row in rows
        ],
        ["version", "labels", "digest", "author", "created", "note"],
    )


def _pointers(labels: dict[str, int]) -> str | None:
    """
    >>> _pointers({"production": 3, "staging": 4})
    'production@3, staging@4'
    """
    return ", ".join(f"{label}@{version}" for label, version in labels.items()) or None
