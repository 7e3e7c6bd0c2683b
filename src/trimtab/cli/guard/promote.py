"""`trimtab guard promote`: a policy gets another mode, after a look at what that would mean."""

from __future__ import annotations

import sys
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.guard.report import lines
from trimtab.cli.output import emit, note
from trimtab.client import api_path
from trimtab.errors import InvalidRequest


@click.command("promote")
@client_options
@click.argument("policy")
@click.option(
    "--mode",
    type=click.Choice(["off", "shadow", "flag", "enforce"]),
    default="enforce",
    show_default=True,
    help="The mode it is to have.",
)
@click.option("--since", default="7d", show_default=True, help="How far back the report goes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(as_json: bool, policy: str, mode: str, since: str, yes: bool, **flags: Any) -> None:
    """Set the mode of POLICY, after showing what its rules would have done.

    Without a terminal to ask on, --yes says that the report was read.
    """
    with connected(flags) as client:
        path = api_path("guards", "policies", policy)
        before = client.get(path)
        if before["in_mode"] == mode:
            note(f"{policy} is in mode {mode} already")
        names = {one["name"] or one["signal"] or one["scorer"] for one in before["in_force"]}
        report = client.get("/api/v1/guards/report", {"since": since})["rules"]
        rows = [row for row in report if row["rule"] in names]
        if rows:
            note(lines(rows))
        else:
            note(f"nothing is known of what {policy} would do: no call passed it in {since}")
        _ask(policy, before["in_mode"], mode, yes=yes)
        done = client.put(f"{path}/mode", {"mode": mode})
    emit(
        {"policy": done, "report": rows},
        as_json,
        text=lambda: f"{policy} is in mode {done['in_mode']}, it was in {before['in_mode']}",
    )


def _ask(policy: str, before: str, mode: str, *, yes: bool) -> None:
    """Raises click.Abort on a no, InvalidRequest where nobody can be asked."""
    if yes:
        return
    said = f"set {policy} from {before} to {mode}"
    if not sys.stdin.isatty():
        raise InvalidRequest(f"this would {said}", where="--yes", fix="add --yes to do it")
    click.confirm(f"{said.capitalize()}?", abort=True, err=True)
