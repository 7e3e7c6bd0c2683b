"""`trimtab runs`: the experiments."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click
import msgspec

from trimtab.cli import exchange
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.cli.verdicts import metrics_text, verdict_text
from trimtab.client import api_path
from trimtab.kit.clock import iso
from trimtab.records import Run, text_of

_SHOWN = 60


@click.group()
def command() -> None:
    """List and show experiments and their results, and take and give results of other tools."""


command.add_command(exchange.imported)
command.add_command(exchange.exported)


@command.command("list")
@client_options
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
@click.option("--suite", help="Only runs of this suite.")
@click.option("--name", help="Only runs of this name.")
def listed(as_json: bool, limit: int, suite: str | None, name: str | None, **flags: Any) -> None:
    """List the newest runs."""
    with connected(flags) as client:
        query = {"limit": limit, "suite": suite, "name": name}
        rows = client.get("/api/v1/runs", query)["data"]
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["run_id"],
                iso(row["started_ns"]),
                row["name"],
                row["release"] or row["task"] or None,
                row["dataset"],
                row["status"],
                f"{row['done']}/{row['total']}",
                row["verdict"]["outcome"] if row["verdict"] else None,
            ]
            for row in rows
        ],
        ["run", "started", "name", "task", "dataset", "status", "done", "verdict"],
        empty="no runs yet",
    )


@command.command("show")
@client_options
@click.argument("run_id")
def shown(as_json: bool, run_id: str, **flags: Any) -> None:
    """Show a run's numbers and its verdict."""
    with connected(flags) as client:
        found = client.get(api_path("runs", run_id))
    run = msgspec.convert(found, Run)
    emit(found, as_json, text=lambda: f"{run.name}: {run.status}\n{_body(run)}")


@command.command("results")
@client_options
@click.argument("run_id")
@click.option("--limit", type=click.IntRange(min=1), help="How many.  [default: all]")
@click.option("--failed", is_flag=True, help="Only those that failed, or are not passed.")
def resulted(as_json: bool, run_id: str, limit: int | None, failed: bool, **flags: Any) -> None:
    """Show what was answered to each example of a run, and how it was judged."""
    with connected(flags) as client:
        found = (row for row in client.results(run_id) if not failed or _is_bad(row))
        rows = list(islice(found, limit))
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["example_id"],
                row.get("repeat", 0),
                (row.get("error") or text_of(row.get("output")) or "")[:_SHOWN],
                ", ".join(map(_score, row.get("scores", ()))),
            ]
            for row in rows
        ],
        ["example", "repeat", "answer", "scores"],
        empty="no results",
    )


def _is_bad(row: dict[str, Any]) -> bool:
    """Whether the task failed, or a score is missing or says that it did not pass."""
    scores = row.get("scores", ())
    return bool(row.get("error")) or any(
        score["status"] != "scored" or score["passed"] is False for score in scores
    )


def _score(score: dict[str, Any]) -> str:
    """A score in some words: `exact pass`, `length 12`, `faithfulness unscored: no judge`."""
    if score["status"] != "scored":
        why = f": {score['reason'][:_SHOWN]}" if score.get("reason") else ""
        return f"{score['name']} {score['status']}{why}"
    if score["passed"] is not None:
        return f"{score['name']} {'pass' if score['passed'] else 'fail'}"
    value = score["value"]
    return f"{score['name']} {score['label'] if value is None else format(value, '.4g')}"


def _body(run: Run) -> str:
    return metrics_text(run) + ("\n\n" + verdict_text(run) if run.verdict else "")
