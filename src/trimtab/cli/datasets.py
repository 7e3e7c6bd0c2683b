"""`trimtab datasets`: versioned examples."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table, table
from trimtab.client import api_path
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.clock import iso
from trimtab.kit.hashing import digest
from trimtab.records import Example, text_of


@click.group()
def command() -> None:
    """List, show, import and curate datasets."""


@command.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List the newest version of each dataset."""
    with connected(flags) as client:
        rows = client.get("/api/v1/datasets")["data"]
    if as_json:
        emit(rows, as_json)
        return
    cells = [[_ref(row), row["size"], iso(row["created_ns"]), row["note"]] for row in rows]
    show_table(cells, ["dataset", "examples", "created", "note"], empty="no datasets yet")


@command.command("show")
@client_options
@click.argument("ref")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many rows."
)
def shown(as_json: bool, ref: str, limit: int, **flags: Any) -> None:
    """Show the rows of a dataset: NAME for the newest version, NAME@3 for a version."""
    with connected(flags) as client:
        rows = client.examples(ref)
    emit(rows, as_json, text=lambda: _rows(rows[:limit], len(rows)))


@command.command("import")
@client_options
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def imported(as_json: bool, name: str, file: Path, **flags: Any) -> None:
    """Store a JSONL file as the next version of a dataset.

    Each line is an object with `input` and what else an example has; a row without `example_id`
    gets one from its content. A line that cannot be read stops the import before anything is
    stored.
    """
    examples = read_jsonl(file)
    with connected(flags) as client:
        body = {"name": name, "examples": examples, "note": f"imported from {file.name}"}
        dataset = client.post("/api/v1/datasets", body)
    emit(dataset, as_json, text=lambda: f"{_ref(dataset)}: {dataset['size']} examples")


@command.command("curate")
@client_options
@click.argument("name")
@click.option("--score", required=True, help="The score that was failed.")
@click.option("--below", type=float, help="Take values below this, instead of what did not pass.")
def curated(as_json: bool, name: str, score: str, below: float | None, **flags: Any) -> None:
    """Add the calls that failed a score to a dataset."""
    with connected(flags) as client:
        body = {"score": score, "below": below}
        dataset = client.post(api_path("datasets", name, "curate"), body)
    emit(dataset, as_json, text=lambda: f"{_ref(dataset)}: {dataset['size']} examples")


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """The rows of a file.

    Raises:
        InvalidRequest: a line is not an example; says which.
    """
    rows = []
    lines = file.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            rows.append(_row(line, f"line {number} of {file.name}"))
    return rows


def _row(line: bytes, what: str) -> dict[str, Any]:
    row = jsonx.decode(line, dict[str, Any], what=what)
    if "input" not in row:
        raise InvalidRequest(f"{what} has no input", where=what, fix='add an "input"')
    row = {"example_id": digest(row)[:16], **row}
    unknown = sorted(set(row) - set(Example.__struct_fields__))
    if unknown:
        raise InvalidRequest(
            f"{what} has a field that an example does not have: {unknown[0][:50]!r}",
            where=what,
            fix='correct its name, or keep it in "metadata"',
        )
    jsonx.decode(jsonx.encode(row), Example, what=what)
    return row


def _rows(rows: list[dict[str, Any]], total: int) -> str:
    cells = [
        [
            row["example_id"],
            text_of(row["input"])[:70],
            None if row["expected"] is None else text_of(row["expected"])[:50],
            row["split"],
        ]
        for row in rows
    ]
    text = table(cells, ["example", "input", "expected", "split"])
    return text if len(rows) == total else f"{text}\n{len(rows)} of {total}"


def _ref(row: dict[str, Any]) -> str:
    return f"{row['name']}@{row['version']}"
