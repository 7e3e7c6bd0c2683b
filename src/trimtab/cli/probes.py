"""`trimtab probes`: questions asked again and again, to notice that a model changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, is_fancy, show_table
from trimtab.client import api_path
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.clock import iso

_BARS = "▁▂▃▄▅▆▇█"
_SHOWN = 60
_LEAST_S, _MOST_S = 60, 31_536_000  # of the interval of a probe
_EXIT = {"drifted": 1, "inconclusive": 3, "failed": 4}


@click.group()
def command() -> None:
    """Notice that a provider changed the model behind a name."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List probes with what their last look found."""
    with connected(flags) as client:
        rows = client.get("/api/v1/probes")["data"]
        looks = {one["name"]: _looks(client, one["name"], 1) for one in rows}
    if as_json:
        emit([{**one, "last": next(iter(looks[one["name"]]), None)} for one in rows], as_json)
        return
    table = []
    for one in rows:
        last = next(iter(looks[one["name"]]), None)
        when = iso(last["time_ns"]) if last else None
        state = last["status"] if last else "not looked at yet"
        off = "" if one["enabled"] else " (off)"
        every = f"{one['every_s']:g} s{off}"
        table.append([one["name"], one["ask"], one["dataset"], every, state, when])
    show_table(
        table, ["probe", "asks", "dataset", "every", "last look", "when"], empty="no probes yet"
    )


@command.command("put")
@client_options
@click.argument("name")
@click.option("--ask", required=True, help="The model or route that is asked.")
@click.option("--dataset", required=True, help="The questions: NAME, or NAME@3.")
@click.option(
    "--every", metavar="TIME", default="24h", show_default=True, help="How often, 1m at least."
)
@click.option(
    "--repeats",
    type=click.IntRange(2, 20),
    default=3,
    show_default=True,
    help="Answers to each question that are the reference.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="The risk of a false alarm, over all looks.",
)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=JSON",
    help="Of each request; repeatable.",
)
@click.option("--off", is_flag=True, help="Do not look by itself.")
def stored(
    as_json: bool, name: str, every: str, parameters: tuple[str, ...], off: bool, **flags: Any
) -> None:
    """Store the probe NAME; its first look is the reference."""
    from trimtab.dialects.filter import duration_ns

    every_ns = duration_ns(every)
    if every_ns is None:
        raise click.BadParameter(f"{every!r} is no length of time; write 24h", param_hint="--every")
    if not _LEAST_S <= every_ns / 1e9 <= _MOST_S:
        raise click.BadParameter(
            f"{every} is outside of what a probe takes; write 1m at the least, 365d at the most",
            param_hint="--every",
        )
    body = {
        **{field: flags[field] for field in ("ask", "dataset", "repeats", "alpha")},
        "every_s": every_ns / 1e9,
        "parameters": dict(map(_parameter, parameters)),
        "enabled": not off,
    }
    with connected(flags) as client:
        probe = client.put(api_path("probes", name), body)
    emit(
        probe,
        as_json,
        text=lambda: f"{name} asks {probe['ask']} every {probe['every_s']:g} s",
    )


@command.command("run")
@client_options
@click.argument("name")
def run(as_json: bool, name: str, **flags: Any) -> None:
    """Look now; exits 1 when the model drifted, 3 when that cannot be told, 4 when it failed."""
    with connected(flags) as client:
        look = client.post(api_path("probes", name, "looks"), {})
    emit(look, as_json, text=lambda: _told(look))
    click.get_current_context().exit(_EXIT.get(look["status"], 0))


@command.command("looks")
@client_options
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=30, show_default=True, help="How many."
)
def looks(as_json: bool, name: str, limit: int, **flags: Any) -> None:
    """Show what the looks of NAME found, newest first, and how alike the answers stayed."""
    with connected(flags) as client:
        found = _looks(client, name, limit)
    if as_json:
        emit(found, as_json)
        return
    if is_fancy(sys.stdout) and found:
        click.echo(f"likeness  {picture(found)}\n")
    figures = ("likeness", "expected", "p_value")
    shown = [
        [
            iso(one["time_ns"]),
            one["status"],
            *(_number(one[name]) for name in figures),
            ", ".join(one["models"]),
            one["run"],
        ]
        for one in found
    ]
    columns = ["when", "status", "likeness", "expected", "p", "models", "run"]
    show_table(shown, columns, right=columns[2:5], empty="it was not looked at yet")
    if found:
        click.echo(f"\n{printable(found[0]['sentence'])}")


@command.command("accept")
@client_options
@click.argument("name")
@click.option("--run", "run_id", help="An earlier reference; else the questions are asked anew.")
def accepted(as_json: bool, name: str, run_id: str | None, **flags: Any) -> None:
    """Take what the model says now as the reference."""
    with connected(flags) as client:
        look = client.post(api_path("probes", name, "reference"), {"run": run_id})
    emit(look, as_json, text=lambda: _told(look))


@command.command("delete")
@client_options
@click.argument("name")
def deleted(as_json: bool, name: str, **flags: Any) -> None:
    """Delete the probe NAME and its looks; its runs stay."""
    with connected(flags) as client:
        gone = client.delete(api_path("probes", name))
    emit(gone, as_json, text=lambda: f"{name} is deleted")


def picture(looks: Sequence[dict[str, Any]]) -> str:
    """Likeness over time, the oldest first, on a scale from 0 to 1; `x` marks a drift.

    >>> picture([{"likeness": 0.5, "status": "drifted"}, {"likeness": 1.0, "status": "same"}])
    '█▄x'
    """
    drawn = []
    for one in reversed(list(looks)[:_SHOWN]):
        value = one["likeness"] if one["likeness"] is not None else one.get("expected")
        if value is None:
            drawn.append("·")
            continue
        drawn.append(_BARS[min(len(_BARS) - 1, max(0, int(value * len(_BARS) - 1e-9)))])
        if one["status"] == "drifted":
            drawn.append("x")
    return "".join(drawn)


def _looks(client: Any, name: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(api_path("probes", name, "looks"), {"limit": limit})[
        "data"
    ]
    return found


def _told(look: dict[str, Any]) -> str:
    return printable(f"{look['probe']}: {look['status']}: {look['sentence']}\nrun {look['run']}")


def _number(cell: Any) -> Any:
    return f"{cell:.3g}" if isinstance(cell, float) else cell


def _parameter(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidRequest(f"{text[:50]!r} is not NAME=JSON", where="--parameter")
    return name, jsonx.decode(value.encode(), what=f"--parameter {name}")
