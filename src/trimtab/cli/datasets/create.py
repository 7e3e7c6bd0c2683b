"""`trimtab datasets create`: the next version from a file, from recorded calls, or from SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.datasets.said import stored
from trimtab.cli.output import emit, note, progress
from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

_FORMATS = ("csv", "tsv", "jsonl", "json", "parquet")
_WITH_HEADER = frozenset({".csv", ".tsv"})
_COUNTED = _WITH_HEADER | {".jsonl", ".ndjson"}
_CELL_BYTES = 1 << 20
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def _how_to_read(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a file is read and what is said of the version."""
    for option in (
        click.option("--tag", "tags", multiple=True, help="A tag of the version."),
        click.option("--note", "remark", help="What is said of the version."),
        click.option("--schema", type=_file, help="JSON Schema of the rows; {} lifts it."),
        click.option("--mixed", is_flag=True, help="Inputs may be of several types."),
        click.option(
            "--max-cell-bytes",
            type=click.IntRange(min=1),
            default=_CELL_BYTES,
            show_default=True,
            help="The longest value of a column.",
        ),
        click.option("--encoding", default="utf-8", show_default=True, help="Of the text."),
        click.option("--delimiter", help="Between the cells of a CSV file.  [default: ,]"),
        click.option(
            "--format", "shape", type=click.Choice(_FORMATS), help="[default: as the name ends]"
        ),
        click.option(
            "--map",
            "pairs",
            multiple=True,
            metavar="FIELD=COLUMN",
            help="Which column is which field, as in input=question or metadata.lang=lang.",
        ),
    ):
        command = option(command)
    return command


@click.command("create")
@client_options
@click.argument("name")
@click.argument("file", type=_file, required=False)
@_how_to_read
@click.option("--from-traces", "filter", metavar="FILTER", help="Recorded calls as the rows.")
@click.option("--from-sql", "sql", metavar="SELECT", help="What a SELECT answers as the rows.")
@click.option(
    "--expected",
    default="none",
    show_default=True,
    help="What is expected of calls: output, none or score:NAME.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="At most how many calls.",
)
def created(
    as_json: bool,
    name: str,
    file: Path | None,
    filter: str | None,
    sql: str | None,
    expected: str,
    limit: int,
    **options: Any,
) -> None:
    """Store the next version of a dataset, from FILE, recorded calls or SQL.

    Columns that say what they are (question, answer ...) are taken as it; --map says the others.
    """
    if [file, filter, sql].count(None) != 2:
        raise InvalidRequest(
            "a dataset is made of one thing",
            where="create",
            fix="give FILE, --from-traces or --from-sql",
        )
    if file is not None:
        _store(as_json, name, file, options)
        return
    body = {
        "filter": filter,
        "sql": sql,
        "expected": expected,
        "limit": limit,
        "columns": _columns(options["pairs"]),
        "schema": _schema(options["schema"]),
        "note": options["remark"] or "",
        "tags": options["tags"],
    }
    with connected(options) as client:
        dataset = client.post(api_path("datasets", name, "calls"), body)
    emit(dataset, as_json, text=lambda: stored(dataset))


@click.command("import")
@client_options
@click.argument("name")
@click.argument("file", type=_file)
@_how_to_read
def imported(as_json: bool, name: str, file: Path, **options: Any) -> None:
    """Store a file as the next version of a dataset, as `create NAME FILE` does."""
    _store(as_json, name, file, options)


def _store(as_json: bool, name: str, file: Path, options: dict[str, Any]) -> None:
    """Rows are read while they are sent. One that cannot be read stops it; nothing is stored."""
    from trimtab.app.tables import TABLES
    from trimtab.datasets.files import read_examples
    from trimtab.datasets.reading import Reading

    reading = Reading(
        columns=_columns(options["pairs"]),
        format=options["shape"],
        delimiter=options["delimiter"],
        encoding=options["encoding"],
        max_cell_bytes=options["max_cell_bytes"],
        mixed=options["mixed"],
    )
    schema = _schema(options["schema"])
    rows = read_examples(file, reading, tables=TABLES, told=note)
    with connected(options) as client, _counting(file) as sent:
        dataset = _sent(client, name, rows, file, schema, options, sent)
    emit(dataset, as_json, text=lambda: stored(dataset))


def _sent(
    client: Client,
    name: str,
    rows: Iterator[Any],
    file: Path,
    schema: dict[str, Any] | None,
    options: dict[str, Any],
    sent: Callable[[int], None],
) -> dict[str, Any]:
    return client.add_dataset(
        name,
        rows,
        note=options["remark"] or f"imported from {file.name}",
        schema=schema,
        tags=options["tags"],
        sent=sent,
    )


def _columns(pairs: tuple[str, ...]) -> dict[str, str]:
    from trimtab.datasets.fields import parse

    return parse(pairs)


def _schema(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    return jsonx.decode(file.read_bytes(), dict[str, Any], what=file.name)


@contextmanager
def _counting(file: Path) -> Iterator[Callable[[int], None]]:
    """A bar where the lines of a file say about how many rows it has."""
    total = _line_count(file) if file.suffix.lower() in _COUNTED else 0
    if not total:
        yield lambda _: None
        return
    with progress(f"sending {file.name}", total) as bar:
        yield bar.advance


def _line_count(file: Path) -> int:
    """Lines of rows: the first line of a table names its columns, the last may have no end."""
    count, last = 0, b"\n"
    with file.open("rb") as lines:
        while piece := lines.read(1 << 20):
            count += piece.count(b"\n")
            last = piece[-1:]
    count += last != b"\n"
    return max(0, count - 1) if file.suffix.lower() in _WITH_HEADER else count
