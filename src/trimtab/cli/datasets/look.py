"""`trimtab datasets`: what only reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.datasets.said import figures, ref, rows_table, short
from trimtab.cli.output import emit, show_table, table
from trimtab.cli.saving import SHAPES, shape_of, write_whole
from trimtab.client import Client, api_path
from trimtab.kit.clock import iso

_limit = click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many rows."
)


@click.command("list")
@client_options
def listed(as_json: bool, **flags: Any) -> None:
    """List the newest version of each dataset."""
    with connected(flags) as client:
        rows = client.get("/api/v1/datasets")["data"]
    _show_datasets(rows, as_json)


@click.command("versions")
@client_options
@click.argument("name")
def versions(as_json: bool, name: str, **flags: Any) -> None:
    """List the versions of a dataset, newest first."""
    with connected(flags) as client:
        rows = client.get(api_path("datasets", name, "versions"))["data"]
    _show_datasets(rows, as_json)


@click.command("show")
@client_options
@click.argument("ref", metavar="NAME")
@_limit
def shown(as_json: bool, ref: str, limit: int, **flags: Any) -> None:
    """Show a dataset and its rows: NAME for the newest version, NAME@3 for a version.

    With --json, all rows.
    """
    with connected(flags) as client:
        if as_json:
            emit(client.examples(ref), as_json)
            return
        dataset = client.get(api_path("datasets", ref))
        rows = list(client.rows(ref, limit=limit))
    click.echo(f"{figures(dataset)}\n\n{rows_table(rows, dataset['size'])}")


@click.command("head")
@client_options
@click.argument("ref", metavar="NAME")
@click.option(
    "-n", "limit", type=click.IntRange(min=1), default=10, help="How many.  [default: 10]"
)
@click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Leave out that many rows before them."
)
def headed(as_json: bool, ref: str, limit: int, after: int, **flags: Any) -> None:
    """Show the first rows of a dataset, or the first after some."""
    with connected(flags) as client:
        rows = list(client.rows(ref, after=after, limit=limit))
    emit(rows, as_json, text=lambda: rows_table(rows, len(rows)))


@click.command("lineage")
@client_options
@click.argument("ref", metavar="NAME")
@_limit
def lineage(as_json: bool, ref: str, limit: int, **flags: Any) -> None:
    """Show which calls the rows of a dataset were made from; with --json, those of all rows."""
    with connected(flags) as client:
        total = client.get(api_path("datasets", ref))["size"]
        rows = list(_sources(client, ref, total if as_json else limit))
    names = ("example_id", "source_trace", "source_span")
    cells = [[row[name] for name in names] for row in rows]
    emit(rows, as_json, text=lambda: table(cells, ["example", "trace", "span"]))


@click.command("diff")
@client_options
@click.argument("base")
@click.argument("new", required=False)
@click.option(
    "--limit", type=click.IntRange(0, 1000), default=20, show_default=True, help="Rows of a kind."
)
def diffed(as_json: bool, base: str, new: str | None, limit: int, **flags: Any) -> None:
    """Show what came, went and changed from BASE to NEW; of one name, since the version before."""
    query = {"against": base if new else None, "limit": limit}
    with connected(flags) as client:
        found = client.get(api_path("datasets", new or base, "diff"), query)
    emit(found, as_json, text=lambda: _difference(found))


@click.command("check")
@client_options
@click.argument("ref", metavar="NAME")
@click.option("--against", metavar="NAME", help="A set that must not know the rows.")
@click.option(
    "--near",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.8,
    show_default=True,
    help="How much alike inputs are that count as repeated.",
)
@_limit
def checked(
    as_json: bool, ref: str, against: str | None, near: float, limit: int, **flags: Any
) -> None:
    """Look for rows that repeat each other, and for rows that another set knows."""
    query = {"against": against, "near": near, "limit": limit}
    with connected(flags) as client:
        found = client.get(api_path("datasets", ref, "check"), query)
    emit(found, as_json, text=lambda: _findings(found))


@click.command("export")
@client_options
@click.argument("ref", metavar="NAME")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; - or none is standard output.",
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(SHAPES),
    help="How it is written.  [default: as the file's name ends, else jsonl]",
)
def exported(as_json: bool, ref: str, output: Path | None, shape: str | None, **flags: Any) -> None:
    """Write the rows of a dataset into a file; a file that is there is replaced whole."""
    shape = shape or shape_of(output)
    with connected(flags) as client:
        pieces = client.stream(api_path("datasets", ref, "export"), {"format": shape})
        if output is None or str(output) == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        total = client.get(api_path("datasets", ref))["size"] if shape == "jsonl" else 0
        size = write_whole(pieces, output, "rows", total)
    done = {"file": str(output), "size_bytes": size, "format": shape}
    emit(done, as_json, text=lambda: f"{output}: {size:,} bytes of rows")


def _show_datasets(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        emit(rows, as_json)
        return
    cells = [
        [ref(row), row["size"], row["linked"] or None, iso(row["created_ns"]), row["note"]]
        for row in rows
    ]
    columns = ["dataset", "examples", "linked", "created", "note"]
    show_table(cells, columns, empty="no datasets yet")


def _sources(client: Client, ref: str, limit: int) -> Iterator[dict[str, Any]]:
    path, after = api_path("datasets", ref, "lineage"), 0
    while limit > 0:
        page = client.get(path, {"after": after, "limit": min(limit, 5_000)})
        yield from page["data"]
        limit -= len(page["data"])
        if page["next"] is None:
            return
        after = page["next"]


def _difference(found: dict[str, Any]) -> str:
    counts = ", ".join(f"{found[kind]} {kind}" for kind in ("added", "removed", "changed"))
    said = f"{found['base']} to {found['new']}: {counts}, {found['unchanged']} as before"
    if found["reordered"]:
        said += ", in another order"
    cells: list[list[Any]] = []
    for sign, kind in (("+", "added_rows"), ("-", "removed_rows")):
        cells += [
            [sign, row["example_id"], "input", None, short(row["input"])] for row in found[kind]
        ]
    for row in found["changed_rows"]:
        for field, (before, after) in row["fields"].items():
            cells.append(["~", row["example_id"], field, short(before), short(after)])
    if not cells:
        return said
    return f"{said}\n\n{table(cells, ['', 'example', 'field', 'before', 'after'])}"


def _findings(found: dict[str, Any]) -> str:
    repeated, known = found["repetition"], found["contamination"]
    summary = (
        f"{repeated['ref']}: {repeated['rows']} rows,"
        f" {repeated['exact']} with the input of an earlier one,"
        f" {repeated['near']} nearly so (likeness {repeated['threshold']:g} or more)"
    )
    said = [summary]
    cells = [["repeated", *_pair(one)] for one in repeated["examples"]]
    if known:
        said.append(
            f"{known['against']} knows {known['share']:.1%} of them: {known['exact']} by their"
            f" input, {known['overlapping']} by runs of {known['gram_words']} words"
        )
        cells += [["known", *_pair(one)] for one in known["examples"]]
    if cells:
        said += ["", table(cells, ["found", "example", "other", "likeness"])]
    return "\n".join(said)


def _pair(one: dict[str, Any]) -> list[Any]:
    return [one["example_id"], one["other_id"] or None, one["similarity"]]
