"""`trimtab routes`: the names that applications ask for, and the models behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, note, show_table
from trimtab.cli.releases.said import segment_text
from trimtab.client import Client, api_path
from trimtab.config.entries import read_entries
from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit import jsonx
from trimtab.kit.clock import iso

_OURS = ("source", "project", "in_use", "now", "learnt", "warnings")
_ORDERS = {
    "weighted": "drawn by weight",
    "latency": "the faster of two drawn",
    "cost": "the cheapest first",
    "least_busy": "the least busy first",
}


@click.group()
def command() -> None:
    """List, show, put and delete routes, and look at the models behind them."""


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
    """Show one route, and how it answers now or why it cannot."""
    with connected(flags) as client:
        route = _found(client, api_path("routes", name))
        state = _found(client, api_path("gateway", "routes", name))
        if route is None and state is None:
            route = client.get(api_path("routes", name))  # which says that there is none
        has_bandit = route is not None and route["bandit"] is not None
        learnt = _found(client, api_path("routes", name, "shares")) if has_bandit else None
    shown = {**(route or {"name": name}), "now": state, "learnt": learnt}
    emit(
        shown,
        as_json,
        text=lambda: "\n".join([*_text(route), *_state(state), *_learnt(learnt)]),
    )


@command.command("reset")
@client_options
@click.argument("name")
def reset(as_json: bool, name: str, **flags: Any) -> None:
    """Forget what the bandit of a route has learnt; its split has the shares as written again."""
    with connected(flags) as client:
        learnt = client.delete(api_path("routes", name, "shares"))
    emit(learnt, as_json, text=lambda: "\n".join(_learnt(learnt)))


@command.command("targets")
@client_options
def targets(as_json: bool, **flags: Any) -> None:
    """List the models as the server has seen them: breaker, latency, errors, calls in flight."""
    with connected(flags) as client:
        rows = client.get("/api/v1/gateway/targets")["data"]
    if as_json:
        emit(rows, as_json)
        return
    columns = ["model", "breaker", "ready in s", "first byte s", "errors", "in flight", "calls"]
    cells = [
        [
            row["target"],
            row["breaker"],
            round(row["ready_in_s"], 1) or None,
            row["first_byte_s"] and round(row["first_byte_s"], 3),
            None if row["error_rate"] is None else f"{row['error_rate']:.0%}",
            row["in_flight"],
            row["calls"],
        ]
        for row in rows
    ]
    show_table(cells, columns, empty="no model was asked since the server started")


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
    for line in stored["warnings"]:
        note(f"warning: {line}")
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


def _found(client: Client, path: str) -> dict[str, Any] | None:
    """What is there; a route of releases only has no settings, one that is not used no state."""
    try:
        found: dict[str, Any] = client.get(path)
    except NotFound:
        return None
    return found


def _text(route: dict[str, Any] | None) -> list[str]:
    """What is not set is left out."""
    if route is None:
        return []
    lines = [f"{route['name']} ({route['source']})"]
    for field, value in route.items():
        if field not in ("name", *_OURS) and value not in (None, [], False):
            shown = value if isinstance(value, str) else jsonx.encode(value).decode()
            lines.append(f"  {field:<10} {shown}")
    return [printable(line) for line in lines]


def _state(state: dict[str, Any] | None) -> list[str]:
    """How a route answers now: who shares it, in which order its models are asked, and warnings."""
    if state is None:
        return ["not in use"]
    if state["problem"]:
        return [printable(f"cannot answer: {state['problem']}")]
    release = f" by {state['release']}" if state["release"] else ""
    order = f", {_ORDERS[state['choose']]}" if len(state["targets"]) > 1 else ""
    lines = [f"{state['name']} answers now{release}{order}"]
    of_rest = ""
    if canary := state["canary"]:
        whose = segment_text(canary["segment"])
        of = f" of {whose}" if whose else ""
        lines.append(f"  {100 * canary['share']:.3g}%{of} by {canary['release']} (canary)")
        of_rest = " of the rest"
    for one in state["split"]:
        said = f"{one['release']} ({one['state']})" if one["release"] else "its own targets"
        lines.append(f"  {one['share']:.0%}{of_rest} by {said}")
    lines += [f"  in {one['environment']} by {one['release']}" for one in state["placed"]]
    lines += [f"  {_standing(one)}" for one in state["targets"]]
    for pool in state["fallbacks"]:
        lines += [f"  or else {_standing(one)}" for one in pool]
    lines += [f"  warning: {line}" for line in state["warnings"]]
    return [printable(line) for line in lines]


def _learnt(learnt: dict[str, Any] | None) -> list[str]:
    """What a bandit knows of each release of a split."""
    if learnt is None:
        return []
    bandit = learnt["bandit"]
    since = f"since {iso(learnt['learnt_ns'])}" if learnt["learnt_ns"] else "as written"
    lines = [f"shares follow {bandit['score']}, {since}; scores since {iso(learnt['since_ns'])}"]
    for arm in learnt["arms"]:
        share = learnt["shares"].get(str(arm["version"]), 0.0)
        lines.append(
            f"  {learnt['route']}@{arm['version']} has {share:.0%}: {bandit['score']}"
            f" {arm['mean']:.3g} [{arm['low']:.3g}, {arm['high']:.3g}] over"
            f" {arm['sessions']:,} sessions, the best with {arm['best']:.0%}"
        )
    return [printable(line) for line in lines]


def _standing(target: dict[str, Any]) -> str:
    """A model, its weight, and why it is not asked now if it is not.

    >>> _standing({"model": "a/b", "weight": 9.0, "breaker": "open", "ready_in_s": 7.2,
    ...            "refused": None})
    'a/b (9), breaker open, ready in 7 s'
    """
    said = f"{target['model']} ({target['weight']:g})"
    if target["refused"]:
        said += f", refused: {target['refused']}"
    if target["breaker"] != "closed":
        said += f", breaker {target['breaker'].replace('_', ' ')}"
    if target["ready_in_s"]:
        said += f", ready in {target['ready_in_s']:.0f} s"
    return said
