"""`trimtab releases`: what answers behind a route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, show_table
from trimtab.client import api_path
from trimtab.kit import jsonx
from trimtab.kit.clock import iso

_CONTENT = ("prompt", "targets", "parameters", "guard_policy", "retrieval")


@click.group()
def command() -> None:
    """List, create, try, promote and roll back releases."""


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
                _state(row),
                _models(row),
                row["prompt"],
                iso(row["created_ns"]),
                row["note"],
            ]
            for row in rows
        ],
        ["release", "state", "models", "prompt", "created", "note"],
        empty="no releases yet",
    )


@command.command("show")
@client_options
@click.argument("ref")
def shown(as_json: bool, ref: str, **flags: Any) -> None:
    """Show one release, by ROUTE@VERSION or id."""
    with connected(flags) as client:
        release = client.get(api_path("releases", ref))
    emit(release, as_json, text=lambda: _text(release))


@command.command("create")
@client_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def created(as_json: bool, file: Path, **flags: Any) -> None:
    """Create a candidate release from a JSON file with its bundle."""
    bundle = jsonx.decode(file.read_bytes(), dict[str, Any], what=str(file))
    with connected(flags) as client:
        release = client.post("/api/v1/releases", bundle)
    emit(release, as_json, text=lambda: f"{_ref(release)} is a {release['state']}")


class Share(click.ParamType[float]):
    """A share of the requests: `5%`, or `0.05`."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        text = str(value).strip()
        number = text.removesuffix("%")
        try:
            share = float(number) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no share; write 5% or 0.05", param, context)
        if share >= 1 and not text.endswith("%"):
            self.fail(f"{text} is more than all; write {number}% for so many in a hundred")
        return share


@command.command("canary")
@client_options
@click.argument("ref")
@click.option("--share", type=Share(), metavar="SHARE", help="How much of the requests: 5%.")
@click.option("--stop", is_flag=True, help="End it; the live release answers everything.")
@click.option("--reason", help="Why, for the record.")
def tried(
    as_json: bool, ref: str, share: float | None, stop: bool, reason: str | None, **flags: Any
) -> None:
    """Let a release answer a share of its route's requests, to see how it does.

    The same session or user always gets the same release, also when the share grows. A route has
    one canary; `promote` makes it live, `--stop` takes its share away.
    """
    if stop is (share is not None):
        raise click.UsageError("give --share SHARE, or --stop to end it")
    with connected(flags) as client:
        path = api_path("releases", ref, "canary")
        if stop:
            release = client.delete(path, {"reason": reason} if reason else None)
        else:
            release = client.post(path, {"share": share, "reason": reason})
    emit(release, as_json, text=lambda: f"{_ref(release)} is a {_state(release)}")


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
        release = client.post(api_path("releases", ref, "promote"), body)
    emit(release, as_json, text=lambda: f"{_ref(release)} is {release['state']}")


@command.command("rollback")
@client_options
@click.argument("ref")
@click.option("--reason", required=True, help="Why.")
def rolled_back(as_json: bool, ref: str, reason: str, **flags: Any) -> None:
    """Take a live release or a canary back: the one that was live before answers again."""
    with connected(flags) as client:
        release = client.post(api_path("releases", ref, "rollback"), {"reason": reason})
    emit(release, as_json, text=lambda: f"{_ref(release)} is {release['state']}")


def _text(release: dict[str, Any]) -> str:
    """The content, then the life of a release; what is not set is left out."""
    lines = [f"{_ref(release)} is {_state(release)}"]
    for name in ("release_id", "digest", "created_ns", *_CONTENT, "note"):
        value = release[name]
        if value not in (None, "", {}, []):
            lines.append(f"  {name.removesuffix('_ns'):<12} {_shown(name, value)}")
    for approval in release["approvals"]:
        why = [f"{_percent(approval['share'])} of the requests"] if approval["share"] else []
        why += [f"run {approval['run']}"] if approval["run"] else []
        why += [approval["reason"]] if approval["reason"] else []
        who = f"{iso(approval['time_ns'])}  {approval['action']} by {approval['principal']}"
        lines.append("  ".join([f"  {who}", *why]))
    lines += [f"  warning: {line}" for line in release["warnings"]]
    return printable("\n".join(lines))


def _shown(name: str, value: Any) -> str:
    if name == "created_ns":
        return iso(value)
    return value if isinstance(value, str) else jsonx.encode(value).decode()


def _ref(row: dict[str, Any]) -> str:
    return f"{row['route']}@{row['version']}"


def _state(row: dict[str, Any]) -> str:
    """The state, of a canary with its share.

    >>> _state({"state": "canary", "share": 0.05}), _state({"state": "live", "share": None})
    ('canary 5%', 'live')
    """
    return f"{row['state']} {_percent(row['share'])}" if row["share"] else str(row["state"])


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _models(row: dict[str, Any]) -> str:
    return ", ".join(target["model"] for target in row["targets"])
