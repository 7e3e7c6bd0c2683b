"""`trimtab runs import` and `export`: results of other tools in, results of runs out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note
from trimtab.cli.saving import write_whole
from trimtab.client import Client, api_path
from trimtab.errors import RequestError
from trimtab.records import Example, Result, Run

if TYPE_CHECKING:
    from trimtab.evals.sessions import Session
    from trimtab.experiments.exchange.foreign import Foreign

_TOOLS = ("deepeval", "promptfoo", "ragas")
_SHAPES = ("jsonl", "csv", "parquet", "mlflow", "wandb")


@click.command("import")
@client_options
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--format", "tool", type=click.Choice(_TOOLS), help="What wrote it.  [default: told]")
@click.option("--name", help="Name of the run.  [default: as the file says, or is called]")
@click.option(
    "--dataset", metavar="NAME", help="Name of the dataset of the rows.  [default: NAME rows]"
)
def imported(
    as_json: bool, path: Path, tool: str | None, name: str | None, dataset: str | None, **flags: Any
) -> None:
    """Take results of DeepEval, Ragas or promptfoo, so that they stand beside those of runs."""
    from trimtab.evals.sessions import foreign_session, sent
    from trimtab.experiments.exchange.reading import read

    runs = read(path, tool)
    stored = []
    with connected(flags) as client:
        for one in runs:
            session = foreign_session(one, name=name or one.name or path.stem)
            session = _with_dataset(client, session, one, dataset)
            fault = sent(session, client)
            if fault is not None:
                raise fault
            stored.append(session.run)
    emit(
        [{"run_id": run.run_id, "name": run.name, "variant": run.variant} for run in stored],
        as_json,
        text=lambda: "\n".join(f"{run.run_id}  {_said(run)}" for run in stored),
    )


def _said(run: Run) -> str:
    variant = ", ".join(f"{key} {value}" for key, value in run.variant.items())
    metrics = ", ".join(
        f"{name} {own.value:.3g} ({own.n}/{own.total})"
        for name, own in run.metrics.items()
        if own.value is not None
    )
    return f"{run.name}{f' ({variant})' if variant else ''}: {metrics or 'nothing was scored'}"


def _with_dataset(client: Client, session: Session, one: Foreign, dataset: str | None) -> Session:
    """The session over a stored dataset, so that its cases can be looked at by groups."""
    if dataset is None:
        return session
    rows = [msgspec.to_builtins(row) for row in session.examples]
    made = client.add_dataset(dataset, rows, note=f"imported from {one.tool}")
    ref = {"dataset": f"{made['name']}@{made['version']}", "dataset_digest": made["digest"]}
    return session._replace(run=msgspec.structs.replace(session.run, **ref), stored=True)


@click.command("export")
@client_options
@click.argument("run_id", metavar="RUN")
@click.option("--format", "shape", type=click.Choice(_SHAPES), help="[default: as FILE ends]")
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Where to.")
@click.option(
    "--to",
    metavar="URL",
    help="The MLflow server.  [default: $MLFLOW_TRACKING_URI]",
    envvar="MLFLOW_TRACKING_URI",
)
@click.option("--project", default="trimtab", show_default=True, help="Experiment or W&B project.")
def exported(
    as_json: bool,
    run_id: str,
    shape: str | None,
    output: Path | None,
    to: str | None,
    project: str,
    **flags: Any,
) -> None:
    """Write a run as a table, or to MLflow or Weights & Biases.

    A table has a row for each answer and a column for each metric; without FILE it goes to standard
    output. W&B runs are written offline, into the folder FILE.
    """
    from trimtab.experiments.exchange import mlflow, table, wandb

    shape = shape or (output.suffix.removeprefix(".") if output else "jsonl")
    if shape not in _SHAPES:
        raise click.UsageError(f"say --format: {shape!r} is not one of {', '.join(_SHAPES)}")
    with connected(flags) as client:
        run = msgspec.convert(client.get(api_path("runs", run_id)), Run)
        results = msgspec.convert(list(client.results(run_id)), list[Result])
        rows = table.rows(run, results, _examples(client, run))
    if shape == "mlflow":
        if not to:
            raise click.UsageError("name the MLflow server with --to URL")
        made = mlflow.export(run, rows, url=to, experiment=project)
        emit({"mlflow_run_id": made}, as_json, text=lambda: f"MLflow run {made}")
    elif shape == "wandb":
        where = wandb.export(run, rows, folder=output or Path("wandb"), project=project)
        emit({"folder": str(where)}, as_json, text=lambda: f"wandb sync {where}")
    elif output is None:
        click.echo(table.written(rows, shape), nl=False)
    else:
        write_whole(iter([table.written(rows, shape)]), output, "answers", len(rows))
        note(f"wrote {len(rows):,} answers to {output}")


def _examples(client: Client, run: Run) -> dict[str, Example]:
    try:
        found = msgspec.convert(list(client.examples(run.dataset)), list[Example])
    except RequestError:
        return {}
    return {row.example_id: row for row in found}
