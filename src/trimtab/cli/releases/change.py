"""Releases, changed: made, approved, promoted, withdrawn and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit
from trimtab.cli.releases.said import ref_of
from trimtab.client import api_path
from trimtab.kit import jsonx

_environment = click.option("--environment", metavar="NAME", help="Only for calls that name it.")


@click.command("create")
@client_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def created(as_json: bool, file: Path, **flags: Any) -> None:
    """Create a candidate release from a JSON file with its bundle."""
    bundle = jsonx.decode(file.read_bytes(), dict[str, Any], what=str(file))
    with connected(flags) as client:
        release = client.post("/api/v1/releases", bundle)
    emit(release, as_json, text=lambda: f"{ref_of(release)} is a {release['state']}")


@click.command("approve")
@client_options
@click.argument("ref")
@_environment
@click.option("--reason", required=True, help="Why.")
def approved(as_json: bool, ref: str, environment: str | None, reason: str, **flags: Any) -> None:
    """Put on record that you approve of a release, as somebody else than who made it."""
    with connected(flags) as client:
        body = {"reason": reason, "environment": environment}
        release = client.post(api_path("releases", ref, "approve"), body)
    by = release["approvals"][-1]["principal"]
    emit(release, as_json, text=lambda: f"{ref_of(release)} is approved by {by}")


@click.command("promote")
@client_options
@click.argument("ref")
@_environment
@click.option("--run", help="The run whose verdict is the evidence; by default the newest.")
@click.option("--reason", help="Why; needed with --force.")
@click.option("--force", is_flag=True, help="Go on without a passing verdict.")
def promoted(
    as_json: bool,
    ref: str,
    environment: str | None,
    run: str | None,
    reason: str | None,
    force: bool,
    **flags: Any,
) -> None:
    """Make a release live, or let it answer in one environment, on the evidence of a run."""
    body = {"run": run, "reason": reason, "force": force, "environment": environment}
    with connected(flags) as client:
        release = client.post(api_path("releases", ref, "promote"), body)
    emit(release, as_json, text=lambda: _promoted(release, environment, named=run))


@click.command("withdraw")
@client_options
@click.argument("ref")
@click.option("--environment", metavar="NAME", required=True, help="Where it answers.")
@click.option("--reason", help="Why, for the record.")
def withdrawn(as_json: bool, ref: str, environment: str, reason: str | None, **flags: Any) -> None:
    """Have a release answer in an environment no longer: what is live does."""
    with connected(flags) as client:
        body = {"environment": environment, "reason": reason}
        release = client.post(api_path("releases", ref, "withdraw"), body)
    emit(release, as_json, text=lambda: _now(release, environment))


@click.command("rollback")
@client_options
@click.argument("ref")
@_environment
@click.option("--reason", required=True, help="Why.")
def rolled_back(
    as_json: bool, ref: str, environment: str | None, reason: str, **flags: Any
) -> None:
    """Take a release or a canary back: the one that answered before answers again."""
    with connected(flags) as client:
        body = {"reason": reason, "environment": environment}
        release = client.post(api_path("releases", ref, "rollback"), body)
    emit(release, as_json, text=lambda: _now(release, environment))


def _now(release: dict[str, Any], environment: str | None) -> str:
    """What a move came to."""
    if environment is None:
        return f"{ref_of(release)} is {release['state']}"
    if environment in release["live_in"]:
        return f"{ref_of(release)} answers in {environment}"
    return f"{ref_of(release)} answers in {environment} no longer; what is live does"


def _promoted(release: dict[str, Any], environment: str | None, *, named: str | None) -> str:
    """What a promotion came to, and on which run where nobody named one."""
    run = release["approvals"][-1]["run"]
    found = f", on the evidence of {run}" if run and not named else ""
    return f"{_now(release, environment)}{found}"
