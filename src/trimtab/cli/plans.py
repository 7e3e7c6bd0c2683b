"""`trimtab plans`: flows of several steps, and their runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.api.plan_files import declaration
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, json_option, note, show_table
from trimtab.client import Client, api_path
from trimtab.errors import ConfigError, InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.clock import SystemClock, iso
from trimtab.plans.declared import declared
from trimtab.records import Plan, text_of

_SHOWN = 60
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FAILED = 1


@click.group()
def command() -> None:
    """Store plans, run them step by step, and resume or replay their runs."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List the newest version of each plan."""
    with connected(flags) as client:
        rows = client.get(api_path("plans"))["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [f"{row['name']}@{row['version']}", len(row["steps"]), row["description"]]
            for row in rows
        ],
        ["plan", "steps", "description"],
        empty="no plans yet",
    )


@command.command("show")
@client_options
@click.argument("ref")
def shown(as_json: bool, ref: str, **flags: Any) -> None:
    """Show a plan, or a run of one by its id, with its steps."""
    with connected(flags) as client:
        if _RUN.fullmatch(ref):
            found = client.get(api_path("plan-runs", ref))
            _show_run(found, as_json)
            return
        found = client.get(api_path("plans", ref))
    emit(found, as_json, text=lambda: _described(msgspec.convert(found, Plan)))


@command.command("check")
@json_option
@click.argument("file", type=click.Path(path_type=Path))
def checked(as_json: bool, file: Path) -> None:
    """Say what is wrong with a plan in a file, or how it is read; no server is asked."""
    plan = declared(_read(file), project="default", author=None, clock=SystemClock())
    emit(plan, as_json, text=lambda: _described(plan))


@command.command("put")
@client_options
@click.argument("file", type=click.Path(path_type=Path))
def put(as_json: bool, file: Path, **flags: Any) -> None:
    """Store the plan of a file as the next version, unless it is the newest already."""
    given = _read(file)
    with connected(flags) as client:
        found = client.post(api_path("plans"), given)
    emit(found, as_json, text=lambda: f"{found['name']}@{found['version']}")


@command.command("run")
@client_options
@click.argument("ref")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; @FILE reads it."
)
@click.option("--background", is_flag=True, help="Do not wait for the end.")
def run(as_json: bool, ref: str, inputs: tuple[str, ...], background: bool, **flags: Any) -> None:
    """Run a plan, and show its steps as they are done."""
    with connected(flags) as client:
        plan = msgspec.convert(client.get(api_path("plans", ref)), Plan)
        given = dict(_input(one, plan) for one in inputs)
        body = {"inputs": given}
        begun = client.post(api_path("plans", f"{plan.name}@{plan.version}", "runs"), body)
        _follow(client, begun, as_json, wait=not background)


@command.command("runs")
@client_options
@click.argument("plan", required=False)
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
def runs(as_json: bool, plan: str | None, limit: int, **flags: Any) -> None:
    """List the newest runs, of all plans or of one."""
    with connected(flags) as client:
        rows = client.get(api_path("plan-runs"), {"limit": limit, "plan": plan})["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["plan_run_id"],
                iso(row["started_ns"]),
                row["plan"],
                row["status"],
                row["calls"],
                row["cost_usd"],
                (row["error"] or text_of(row["output"]) or "")[:_SHOWN],
            ]
            for row in rows
        ],
        ["run", "started", "plan", "status", "calls", "cost usd", "output"],
        empty="no runs yet",
    )


@command.command("resume")
@client_options
@click.argument("run_id")
@click.option("--background", is_flag=True, help="Do not wait for the end.")
def resumed(as_json: bool, run_id: str, background: bool, **flags: Any) -> None:
    """Go on with a run that failed or was cancelled, from its recorded steps."""
    with connected(flags) as client:
        begun = client.post(api_path("plan-runs", run_id, "resume"))
        _follow(client, begun, as_json, wait=not background)


@command.command("replay")
@client_options
@click.argument("run_id")
@click.option("--from", "first", metavar="STEP", help="Ask this step anew, and all that need it.")
def replayed(as_json: bool, run_id: str, first: str | None, **flags: Any) -> None:
    """Run again from a run's record: exactly and at no cost, or from a step on."""
    with connected(flags) as client:
        begun = client.post(api_path("plan-runs", run_id, "replay"), {"from": first})
        _follow(client, begun, as_json, wait=True)


@command.command("cancel")
@client_options
@click.argument("run_id")
def cancelled(as_json: bool, run_id: str, **flags: Any) -> None:
    """End a run, whichever process executes it."""
    with connected(flags) as client:
        found = client.post(api_path("plan-runs", run_id, "cancel"))
    emit(found, as_json, text=lambda: f"{run_id} {found['status']}")


# -- reading ---------------------------------------------------------------------------------------


def _read(file: Path) -> Any:
    """Raises ConfigError or InvalidRequest."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the plan cannot be read: {error.strerror}", where=str(file), fix="correct its name"
        ) from None
    return declaration(data, str(file))


def _input(given: str, plan: Plan) -> tuple[str, Any]:
    """`NAME=VALUE`, the value as the plan declares it. Raises InvalidRequest."""
    name, sign, text = given.partition("=")
    if not sign:
        raise InvalidRequest(
            f"{given[:100]!r} is no input", where="--input", fix="write NAME=VALUE or NAME=@FILE"
        )
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequest(
                f"the input {name!r} cannot be read: {error}", where="--input", fix="name a file"
            ) from None
    kinds = {one.name: one.type for one in plan.inputs}
    if kinds.get(name, "string") == "string":
        return name, text
    return name, jsonx.decode(text.encode(), what=f"the input {name!r}")


# -- showing ---------------------------------------------------------------------------------------


def _follow(client: Client, begun: dict[str, Any], as_json: bool, *, wait: bool) -> None:
    """Say how a run goes, then what came of it; exits with 1 where it failed."""
    run_id = begun["plan_run_id"]
    if not wait:
        emit(begun, as_json, text=lambda: run_id)
        return
    note(f"run {run_id} of {begun['plan']}")
    for step in client.plan_steps(run_id):
        note(_line(step))
    found = client.get(api_path("plan-runs", run_id))
    emit(found, as_json, text=lambda: _result(found))
    if found["status"] != "done":
        raise click.exceptions.Exit(_FAILED)


def _line(step: dict[str, Any]) -> str:
    name = step["step"] if step["item"] is None else f"{step['step']}[{step['item']}]"
    taken_s = (step["ended_ns"] - step["started_ns"]) / 1e9
    marks = {"done": "+", "skipped": "-", "failed": "!"}
    said = step["error"] or text_of(step["output"]) or ""
    return f"  {marks[step['status']]} {name:<24} {taken_s:7.2f} s  {said[:_SHOWN]}".rstrip()


def _show_run(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(found, as_json)
        return
    note(f"run {found['plan_run_id']} of {found['plan']}: {found['status']}")
    show_table(
        [
            [
                step["step"],
                step["item"],
                step["status"],
                step["calls"],
                step["cost_usd"],
                step["pinned"] or step["model"],
                (step["error"] or text_of(step["output"]) or "")[:_SHOWN],
            ]
            for step in found["steps"]
        ],
        ["step", "item", "status", "calls", "cost usd", "answered by", "output"],
        empty="no step is recorded yet",
    )
    click.echo(_result(found))


def _result(found: dict[str, Any]) -> str:
    if found["status"] != "done":
        return f"{found['status']}: {found['error'] or ''}"
    output = found["output"]
    return output if isinstance(output, str) else jsonx.encode(output).decode()


def _described(plan: Plan) -> str:
    lines = [f"{plan.name}: {plan.description}".rstrip(": ")]
    lines += [f"  input {one.name}: {one.type}" for one in plan.inputs]
    for step in plan.steps:
        about = step.ask or "values"
        each = f", each of {step.each}" if step.each else ""
        lines.append(f"  step {step.name}: {about}{each}")
    return "\n".join(lines)
