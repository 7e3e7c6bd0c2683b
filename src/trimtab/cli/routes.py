"""`trimtab routes`: the names that applications ask for, and the models behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, show_table
from trimtab.client import api_path
from trimtab.config.entries import read_entries
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

_OURS = ("source", "project", "in_use")


@click.group()
def command() -> None:
    """List, show, put and delete routes."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List routes, by name."""
    with connected(flags) as client:
        rows = client.get("/api/v1/routes")["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [
            row["name"],
            ", ".join(row["aliases"]) or None,
            row["choose"],
            ", ".join(f"{one['model']} ({one['weight']:g})" for one in row["targets"]) or None,
            ", ".join(row["fallbacks"]) or None,
            row["revision"],
            row["source"] if row["in_use"] else f"{row['source']}, not in use",
        ]
        for row in rows
    ]
    columns = ["route", "aliases", "choose", "targets", "fallbacks", "revision", "source"]
    show_table(cells, columns, empty="no routes yet")


@command.command("show")
@client_options
@click.argument("name")
def shown(as_json: bool, name: str, **flags: Any) -> None:
    """Show one route."""
    with connected(flags) as client:
        route = client.get(api_path("routes", name))
    emit(route, as_json, text=lambda: _text(route))


@command.command("put")
@client_options
@click.argument("name", required=False)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML or JSON file with the route.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="MODEL[=WEIGHT]",
    help="A model behind it; may be repeated.",
)
@click.option(
    "--fallback",
    "fallbacks",
    multiple=True,
    metavar="MODEL",
    help="A model or route that is asked when no target answers; may be repeated.",
)
@click.option("--alias", "aliases", multiple=True, help="Another name of it; may be repeated.")
@click.option(
    "--revision",
    type=click.IntRange(min=0),
    help="The one this replaces, 0 for none; another is a conflict.",
)
def put(
    as_json: bool,
    name: str | None,
    file: Path | None,
    targets: tuple[str, ...],
    fallbacks: tuple[str, ...],
    aliases: tuple[str, ...],
    revision: int | None,
    **flags: Any,
) -> None:
    """Create or replace the route NAME, from a file or from options.

    The file holds what an entry of gateway.routes holds in trimtab.yaml; NAME may stand in it.
    Options win over the file. What neither says has its default.
    """
    route = dict(read_entries(file)) if file else {}
    given: dict[str, list[Any]] = {"targets": [_target(text) for text in targets]}
    given |= {"fallbacks": [*fallbacks], "aliases": [*aliases]}
    route |= {field: value for field, value in given.items() if value}
    if revision is not None:
        route["revision"] = revision
    named = name or route.get("name")
    if not isinstance(named, str) or not named:
        raise InvalidRequest("the route has no name", where="NAME", fix="give it one")
    body = {field: value for field, value in route.items() if field not in ("name", *_OURS)}
    with connected(flags) as client:
        stored = client.put(api_path("routes", named), body)
    emit(stored, as_json, text=lambda: f"{stored['name']} is at revision {stored['revision']}")


@command.command("delete")
@client_options
@click.argument("name")
@click.option("--revision", type=click.IntRange(min=0), help="Only if it is at this revision.")
def deleted(as_json: bool, name: str, revision: int | None, **flags: Any) -> None:
    """Delete a route."""
    with connected(flags) as client:
        done = client.delete(api_path("routes", name), {"revision": revision})
    emit(done, as_json, text=lambda: f"deleted {done['deleted']}")


def _target(text: str) -> dict[str, Any]:
    """A model and its weight.

    >>> _target("openai/gpt-4o=9"), _target("a/b")
    ({'model': 'openai/gpt-4o', 'weight': 9.0}, {'model': 'a/b'})
    """
    model, equals, weight = text.rpartition("=")
    if not equals:
        return {"model": text}
    try:
        return {"model": model, "weight": float(weight)}
    except ValueError:
        raise InvalidRequest(
            f"{weight[:50]!r} is not a weight", where="--target", fix="write MODEL or MODEL=9"
        ) from None


def _text(route: dict[str, Any]) -> str:
    """What is not set is left out."""
    lines = [f"{route['name']} ({route['source']})"]
    for field, value in route.items():
        if field not in ("name", *_OURS) and value not in (None, [], False):
            shown = value if isinstance(value, str) else jsonx.encode(value).decode()
            lines.append(f"  {field:<10} {shown}")
    return printable("\n".join(lines))
