"""`trimtab prompts`: where labels point, and which prompts are put away."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit
from trimtab.client import api_path
from trimtab.errors import InvalidRequest

_over = click.option(
    "--over",
    type=click.IntRange(min=0),
    metavar="VERSION",
    help="Only if it points there now; 0 for nowhere.",
)


@click.command("label")
@client_options
@click.argument("ref", metavar="NAME@VERSION")
@click.argument("label")
@_over
def labelled(as_json: bool, ref: str, label: str, over: int | None, **flags: Any) -> None:
    """Point a label to a version: `trimtab prompts label greeting@3 production`.

    The version may be named by another label: greeting@staging. A protected label, such as
    production, needs a key with prompts:promote.
    """
    with connected(flags) as client:
        prompt = client.get(api_path("prompts", ref))
        body = {"version": prompt["version"], "over": over}
        entry = client.put(api_path("prompts", prompt["name"], "labels", label), body)
    said = f"{prompt['name']}@{label} is version {prompt['version']}"
    emit(entry, as_json, text=lambda: said)


@click.command("unlabel")
@client_options
@click.argument("ref", metavar="NAME@LABEL")
@_over
def unlabelled(as_json: bool, ref: str, over: int | None, **flags: Any) -> None:
    """Take a label away: `trimtab prompts unlabel greeting@staging`."""
    name, _, label = ref.rpartition("@")
    if not name:
        raise InvalidRequest(
            f"{ref!r} names no label", where="NAME@LABEL", fix="write greeting@staging, for example"
        )
    with connected(flags) as client:
        entry = client.delete(api_path("prompts", name, "labels", label), {"over": over})
    emit(entry, as_json, text=lambda: f"{name} has no label {label}")


@click.command("archive")
@client_options
@click.argument("name")
@click.option("--restore", is_flag=True, help="List it again.")
def archived(as_json: bool, name: str, restore: bool, **flags: Any) -> None:
    """Put a prompt away: it is not listed any more, and answers as before."""
    with connected(flags) as client:
        body = {"archived": not restore}
        entry = client.patch(api_path("prompts", name, "entry"), body)
    emit(entry, as_json, text=lambda: f"{name} is {'listed' if restore else 'archived'}")
