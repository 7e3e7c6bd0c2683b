"""`trimtab eval`: a release over a dataset, against a baseline if one is named."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from trimtab.cli.compare import parse_rule, rules_option
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, progress
from trimtab.cli.verdicts import EXIT_CODES, metrics_text, verdict_text
from trimtab.client import Client, api_path
from trimtab.errors import StoreError
from trimtab.records import Run


@click.command()
@client_options
@click.argument("release")
@click.argument("dataset")
@click.option("--baseline", metavar="RELEASE", help="Run this release too and compare.")
@click.option("--split", help="Only the rows of this split.")
@click.option("--scorer", "scorers", multiple=True, help="A scorer; repeatable.  [default: all]")
@click.option("--gate", is_flag=True, help="Exit 1 or 3 unless the gate passes.")
@rules_option
def command(
    as_json: bool,
    release: str,
    dataset: str,
    baseline: str | None,
    gate: bool,
    rules: tuple[str, ...],
    split: str | None,
    scorers: tuple[str, ...],
    **flags: Any,
) -> None:
    """Run RELEASE over DATASET, both by reference (docs-assistant@2, docs-golden@1).

    With --gate the exit code is the verdict: 0 pass, 1 fail, 3 inconclusive.
    """
    if gate and not baseline:
        raise click.UsageError("--gate needs a --baseline to compare with")
    request = {"dataset": dataset, "split": split, "scorers": scorers}
    gate_rules = [parse_rule(rule) for rule in rules]
    with connected(flags) as client:
        base = finished(client, {**request, "release": baseline}) if baseline else None
        found = finished(client, {**request, "release": release})
        if base is not None:
            body = {"baseline": base["run_id"], "rules": gate_rules}
            found = client.post(api_path("runs", found["run_id"], "comparison"), body)
    run = msgspec.convert(found, Run)
    emit(found, as_json, text=lambda: _text(run))
    if gate and run.verdict is not None:
        click.get_current_context().exit(EXIT_CODES[run.verdict.outcome])


def finished(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    """Start a run and wait for its end, with progress.

    Raises:
        StoreError: the run failed.
    """
    run: dict[str, Any] = client.post("/api/v1/runs", request)
    with progress(f"{run['release']} on {run['dataset']}", run["total"]) as bar:
        for now in client.watch(run["run_id"]):
            bar.advance(now["done"] - run["done"])
            run = now
    if run["status"] != "done":
        raise StoreError(
            f"run {run['run_id']} is {run['status']}: {run['error']}",
            fix="see the server's log, then run it again",
        )
    return run


def _text(run: Run) -> str:
    text = f"run {run.run_id}\n{metrics_text(run)}"
    return text + ("\n\n" + verdict_text(run) if run.verdict else "")
