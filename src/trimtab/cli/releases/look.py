"""Releases, looked at: lists, one, a route with everything that answers on it, differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, show_table
from trimtab.cli.releases.said import (
    models_of,
    percent,
    ref_of,
    release_text,
    segment_text,
    state_of,
    watch_text,
    why,
)
from trimtab.client import api_path
from trimtab.kit import jsonx
from trimtab.kit.clock import iso


@click.command("list")
@client_options
@click.option("--route", help="Only this route.")
def listed(as_json: bool, route: str | None, **flags: Any) -> None:
    """List releases, newest first."""
    with connected(flags) as client:
        rows = client.get("/api/v1/releases", {"route": route})["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [
            *(ref_of(row), state_of(row), models_of(row)),
            *(row["prompt"], iso(row["created_ns"]), row["note"]),
        ]
        for row in rows
    ]
    columns = ["release", "state", "models", "prompt", "created", "note"]
    show_table(cells, columns, empty="no releases yet")


@click.command("show")
@client_options
@click.argument("ref")
def shown(as_json: bool, ref: str, **flags: Any) -> None:
    """Show one release, by ROUTE@VERSION or id."""
    with connected(flags) as client:
        release = client.get(api_path("releases", ref))
    emit(release, as_json, text=lambda: release_text(release))


@click.command("status")
@client_options
@click.argument("route")
def standing(as_json: bool, route: str, **flags: Any) -> None:
    """Show what answers where on a route, what its newest release waits for, and what is next."""
    with connected(flags) as client:
        found = client.get(api_path("routes", route, "status"))
    emit(found, as_json, text=lambda: _status(found))


@click.command("history")
@client_options
@click.argument("route")
def past(as_json: bool, route: str, **flags: Any) -> None:
    """Show everything that became of the releases of a route, newest first."""
    with connected(flags) as client:
        rows = client.get(api_path("routes", route, "history"))["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [
            *(iso(row["time_ns"]), row["release"], row["action"], row["principal"]),
            "; ".join(why(row)) or None,
        ]
        for row in rows
    ]
    show_table(cells, ["time", "release", "what", "by", "why"])


@click.command("diff")
@client_options
@click.argument("base")
@click.argument("new")
def diffed(as_json: bool, base: str, new: str, **flags: Any) -> None:
    """Show what the content of release NEW does not have in common with that of BASE."""
    with connected(flags) as client:
        found = client.get(api_path("releases", new, "diff"), {"base": base})
    emit(found, as_json, text=lambda: _difference(found))


def _status(found: Mapping[str, Any]) -> str:
    lines = [printable(found["route"])]
    live = found["live"]
    lines.append(f"  live       {_answering(live) if live else 'nothing'}")
    lines += [f"  {one['environment']:<10} {_answering(one)}" for one in found["environments"]]
    if canary := found["canary"]:
        said = [f"{canary['release']}  {percent(canary['share'])}"]
        said += [text] if (text := segment_text(canary["segment"])) else []
        said += [text] if (text := watch_text(canary["watch"])) else []
        lines.append(f"  canary     {'  '.join(said)}{_since(canary)}")
    if back := found["taken_back"]:
        reason = f": {back['reason']}" if back["reason"] else ""
        lines.append(f"  taken back {back['release']}  {iso(back['time_ns'])}{reason}")
    if waiting := found["waiting"]:
        lines.append(f"  waiting    {_waiting(waiting)}")
    lines.append(f"  next       {found['next']}")
    return printable("\n".join(lines))


def _answering(one: Mapping[str, Any]) -> str:
    by = f" by {one['by']}" if one["by"] else ""
    return f"{one['release']}{_since(one)}{by}"


def _since(one: Mapping[str, Any]) -> str:
    return f"  since {iso(one['since_ns'])}" if one["since_ns"] else ""


def _waiting(one: Mapping[str, Any]) -> str:
    verdict = f"the gate says {one['verdict']} (run {one['run']})" if one["verdict"] else "no run"
    said = [one["release"], one["state"], verdict]
    approved = one["approved"]
    if approved["needed"]:
        by = f" by {', '.join(approved['by'])}" if approved["by"] else ""
        said.append(f"{len(approved['by'])} of {approved['needed']} approvals{by}")
    if approved["stale"]:
        said.append(f"{', '.join(approved['stale'])} must look again: {approved['why']}")
    return "  ".join(said)


def _difference(found: Mapping[str, Any]) -> str:
    title = f"{found['base']} to {found['new']}"
    if found["same"]:
        return f"{title}: the same content"
    lines = [f"{title}: {len(found['changes'])} changed"]
    lines += [
        f"  {one['field']}: {_value(one, 'before')} -> {_value(one, 'after')}"
        for one in found["changes"]
    ]
    if found["prompts"]:
        lines.append(f"  for the words: trimtab prompts diff {' '.join(found['prompts'])}")
    return printable("\n".join(lines))


def _value(change: Mapping[str, Any], side: str) -> str:
    if side not in change:
        return "-"
    value = change[side]
    return value if isinstance(value, str) else jsonx.encode(value).decode()
