"""`trimtab traces erase` and `reprice`: what changes recorded calls."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note
from trimtab.errors import InvalidRequest

_DAY = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@click.command("erase")
@client_options
@click.option("--trace", "traces", multiple=True, metavar="ID", help="A trace, with all its spans.")
@click.option("--session", "sessions", multiple=True, metavar="ID", help="All traces of a session.")
@click.option("--user", "users", multiple=True, metavar="ID", help="All traces of a user.")
@click.option("--before", type=click.DateTime(_DAY), metavar="DAY", help="What began before (UTC).")
@click.option("--dry-run", is_flag=True, help="Count what it would be; erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erased(
    as_json: bool,
    traces: tuple[str, ...],
    sessions: tuple[str, ...],
    users: tuple[str, ...],
    before: datetime | None,
    dry_run: bool,
    yes: bool,
    **flags: Any,
) -> None:
    """Erase traces with their payloads and scores, for good.

    Asks on a terminal; elsewhere it wants --yes.
    """
    named: dict[str, Any] = {"trace_ids": traces, "sessions": sessions, "users": users}
    if before is not None:
        named["before_ns"] = int(before.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
    with connected(flags) as client:
        foreseen = client.erase(**named, dry_run=True)
        if dry_run:
            emit(foreseen, as_json, text=lambda: f"would erase {_counted(foreseen)}")
            return
        if not yes:
            _ask(foreseen)
        report = client.erase(**named)
    emit(report, as_json, text=lambda: f"erased {_counted(report)}; {_left(report)}")


def _counted(report: dict[str, Any]) -> str:
    more = "" if report["scores"] is None else f", {report['scores']} scores"
    if runs := report.get("plan_runs"):
        more += f", {runs} records of plans"
    return f"{report['traces']} traces, {report['spans']} spans{more}"


def _left(report: dict[str, Any]) -> str:
    files = "and nothing in the files" if report["compacted"] else "rows leave the files later"
    return f"{report['remaining']} left, {files}"


def _ask(foreseen: dict[str, Any]) -> None:
    """Raises click.Abort on a no, InvalidRequest where nobody can be asked."""
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"this erases {_counted(foreseen)} for good", where="--yes", fix="add --yes to do it"
        )
    click.confirm(f"Erase {_counted(foreseen)} for good?", abort=True, err=True)


@click.command("reprice")
@client_options
@click.option("--since", type=click.DateTime(_DAY), metavar="DAY", help="Only calls from then on.")
def repriced(as_json: bool, since: datetime | None, **flags: Any) -> None:
    """Compute the costs of recorded calls anew, from the prices of today."""
    since_ns = int(since.replace(tzinfo=UTC).timestamp()) * 1_000_000_000 if since else 0
    with connected(flags) as client:
        note("computing the costs of recorded calls")
        done = client.post("/api/v1/reprice", {"since_ns": since_ns})
    emit(done, as_json, text=lambda: f"{done['changed']} of {done['calls']} calls cost another sum")
