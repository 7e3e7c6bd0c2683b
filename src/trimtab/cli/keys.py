"""`trimtab keys`: virtual keys, and what they may spend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from trimtab.cli.columns import usd
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note, show_table, table
from trimtab.client import api_path
from trimtab.errors import InvalidRequest
from trimtab.kit.clock import NS_PER_S, iso

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def command() -> None:
    """Issue, list, rotate and disable virtual keys, and explain their budgets."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List virtual keys, newest first."""
    with connected(flags) as client:
        rows = client.get("/api/v1/keys")["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [row["name"], f"...{row['hint']}", row["user"], row["team"], _state(row), row["key_id"]]
        for row in rows
    ]
    show_table(cells, ["name", "secret", "user", "team", "state", "id"], empty="no keys yet")


@command.command("issue")
@client_options
@click.argument("name")
@click.option("--user", help="Whom it is for; the user's allowance holds for it.")
@click.option("--team", help="The user's team, whose allowance holds for it too.")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    help="What it may do; may be repeated.  [default: gateway:call]",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="PATTERN",
    help="What it may ask for, as openai/* or a route; may be repeated.  [default: everything]",
)
@click.option("--expires", type=_MOMENT, metavar="DAY", help="When it ends (UTC).")
def issued(
    as_json: bool,
    name: str,
    permissions: tuple[str, ...],
    models: tuple[str, ...],
    expires: datetime | None,
    user: str | None,
    team: str | None,
    **flags: Any,
) -> None:
    """Issue a key. Its secret is printed once, alone, and is not stored anywhere."""
    terms: dict[str, Any] = {"name": name, "user": user, "team": team}
    if permissions:
        terms["permissions"] = permissions
    if models:
        terms["models"] = models
    if expires is not None:
        terms["expires_ns"] = _ns(expires)
    with connected(flags) as client:
        answer = client.post("/api/v1/keys", terms)
    note(f"issued {answer['key']['key_id']}; the secret is not shown again")
    emit(answer, as_json, text=lambda: str(answer["secret"]))


@command.command("rotate")
@client_options
@click.argument("ref")
def rotated(as_json: bool, ref: str, **flags: Any) -> None:
    """Give a key, by name or id, a new secret; the old one is refused at once."""
    with connected(flags) as client:
        answer = client.post(api_path("keys", ref, "rotate"))
    note(f"rotated {answer['key']['name']}; the secret is not shown again")
    emit(answer, as_json, text=lambda: str(answer["secret"]))


@command.command("disable")
@client_options
@click.argument("ref")
def disabled(as_json: bool, ref: str, **flags: Any) -> None:
    """Refuse a key from now on."""
    _change(ref, {"disabled": True}, as_json, flags)


@command.command("enable")
@client_options
@click.argument("ref")
def enabled(as_json: bool, ref: str, **flags: Any) -> None:
    """Accept a disabled key again."""
    _change(ref, {"disabled": False}, as_json, flags)


@command.command("expire")
@client_options
@click.argument("ref")
@click.option("--at", type=_MOMENT, metavar="DAY", help="When it ends (UTC).")
@click.option("--never", is_flag=True, help="It does not end.")
def ended(as_json: bool, ref: str, at: datetime | None, never: bool, **flags: Any) -> None:
    """Set when a key ends."""
    if (at is None) is not never:
        raise InvalidRequest("it is not said when the key ends", fix="say --at DAY or --never")
    _change(ref, {"expires_ns": None if at is None else _ns(at)}, as_json, flags)


@command.command("budget")
@client_options
@click.argument("ref")
def budget(as_json: bool, ref: str, **flags: Any) -> None:
    """Explain what a key may still spend, by its own limits and those it shares."""
    with connected(flags) as client:
        found = client.get(api_path("keys", ref, "budget"))
    emit(found, as_json, text=lambda: _explained(found))


def _change(ref: str, change: dict[str, Any], as_json: bool, flags: dict[str, Any]) -> None:
    with connected(flags) as client:
        key = client.patch(api_path("keys", ref), change)
    emit(key, as_json, text=lambda: f"{key['name']} is {_state(key)}")


def _explained(found: dict[str, Any]) -> str:
    rows = [
        [
            _who(node, found),
            period["period"],
            usd(period["used"]["cost_usd"], unpriced=period["used"]["unpriced"]),
            None if period["limit_usd"] is None else usd(period["limit_usd"]),
            None if period["remaining_usd"] is None else usd(period["remaining_usd"]),
            period["status"],
            iso(period["resets_ns"])[:16] + "Z",
        ]
        for node in found["nodes"]
        for period in (node["day"], node["month"])
    ]
    columns = ["who", "period", "spent", "limit", "left", "state", "resets"]
    lines = [table(rows, columns, right=("spent", "limit", "left")), *_rates(found)]
    return "\n".join([*lines, _verdict(found)])


def _rates(found: dict[str, Any]) -> list[str]:
    """The limits that are not money, a line for each node that has some."""
    lines = []
    for node in found["nodes"]:
        allowance = node["allowance"] or {}
        said = [
            f"{allowance[name]} {name.replace('_', ' ')}"
            for name in ("requests_per_minute", "tokens_per_minute", "concurrency")
            if allowance.get(name) is not None
        ]
        if said:
            lines.append(f"{_who(node, found)}: {', '.join(said)}")
    return lines


def _verdict(found: dict[str, Any]) -> str:
    binding = found["binding"]
    if not found["usable"] and not (binding and found["spent"]):
        return f"{found['name']} is refused: it is disabled or has expired"
    if binding is None:
        return f"{found['name']} has no budget: it may spend any sum"
    if found["spent"]:
        return (
            f"{found['name']} is refused until {iso(binding['resets_ns'])[:16]}Z: the budget of"
            f" {_who(binding, found)} for {binding['period']} is spent"
        )
    return (
        f"{found['name']} may spend {usd(binding['remaining_usd'])} US dollars more until"
        f" {iso(binding['resets_ns'])[:16]}Z: the budget of {_who(binding, found)}"
        f" for {binding['period']} binds first"
    )


def _who(node: dict[str, Any], found: dict[str, Any]) -> str:
    """A key by the name that people gave it."""
    return f"{node['kind']} {found['name'] if node['kind'] == 'key' else node['name']}"


def _state(row: dict[str, Any]) -> str:
    if row["disabled"]:
        return "disabled"
    ends_ns = row["expires_ns"]
    if ends_ns is None:
        return "valid"
    gone = ends_ns <= datetime.now(UTC).timestamp() * NS_PER_S
    return f"{'expired' if gone else 'valid until'} {iso(ends_ns)[:16]}Z"


def _ns(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp()) * NS_PER_S
