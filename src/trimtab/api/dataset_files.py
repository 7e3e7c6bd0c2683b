"""POST /api/v1/datasets/{ref}/file: a file of rows as the next version, or looked at."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import require_path_name
from trimtab.app.tables import TABLES
from trimtab.datasets.files import Opened, open_examples
from trimtab.datasets.formats import FORMATS
from trimtab.datasets.reading import Reading
from trimtab.errors import InvalidRequest, RequestError
from trimtab.kit import jsonx
from trimtab.records import Dataset, Example

_SHOWN = 20
_MOST_COLUMNS = 200
_NO_NAME = re.compile(r"[^\w.() -]")


class FilePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would be taken for; nothing is stored.

    `columns` are those of the file, `first` its first rows as they are in it. `fields` says which
    field is which column, `metadata` which columns are kept in the metadata. `rows` counts the
    examples that were read and `examples` are the first of them; with a `problem` reading ended
    there, and `fix` says what to do.
    """

    columns: list[str]
    first: list[dict[str, Any]]
    fields: dict[str, str] = {}
    metadata: list[str] = []
    rows: int = 0
    examples: list[Example] = []
    problem: str | None = None
    fix: str | None = None


async def take(request: Request) -> Response:
    require_path_name(request.path["ref"], where="name")
    return reply(await asyncio.to_thread(_stored, request), status=201)


async def preview(request: Request) -> Response:
    return reply(await asyncio.to_thread(_preview, request))


def _preview(request: Request) -> FilePreview:
    with _opened(request) as opened:
        columns = opened.columns[:_MOST_COLUMNS]
        found = FilePreview(columns=columns, first=[dict(one.row) for one in opened.first[:_SHOWN]])
        examples: list[Example] = []
        count = 0
        try:
            mapping = opened.mapping()
            found = msgspec.structs.replace(
                found,
                fields={
                    field: column for field, column in mapping.columns.items() if column in columns
                },
                metadata=mapping.rest(columns),
            )
            for example in opened.examples(mapping):
                count += 1
                if count <= _SHOWN:
                    examples.append(example)
        except RequestError as error:
            found = msgspec.structs.replace(found, problem=error.what, fix=error.fix)
        return msgspec.structs.replace(found, rows=count, examples=examples)


def _stored(request: Request) -> Dataset:
    with _opened(request) as opened:
        return request.app.metadata.datasets.add(
            request.project,
            request.path["ref"],
            opened.examples(opened.mapping()),
            note=request.query.get("note", f"imported from {opened.name}")[:2_000],
            created_ns=request.app.clock.now_ns(),
            by=request.principal.id,
        )


@contextmanager
def _opened(request: Request) -> Iterator[Opened]:
    """The body as a file of its name, for as long as it is read."""
    of = request.choice("format", FORMATS)
    reading = Reading(
        columns=_columns(request.query.get("columns")),
        format=of,
        delimiter=_delimiter(request.query.get("delimiter")),
        encoding=request.query.get("encoding", "utf-8"),
        mixed=request.choice("mixed", ("true", "false")) == "true",
    )
    with TemporaryDirectory(prefix="trimtab-") as folder:
        path = Path(folder) / _name(request.query.get("name", ""), of)
        path.write_bytes(request.body)
        yield open_examples(path, reading, tables=TABLES)


def _name(given: str, of: str | None) -> str:
    """What the file is called in errors; its ending says what it is where nothing else does."""
    plain = _NO_NAME.sub("_", given).lstrip(". ")[-100:]
    return plain or f"rows.{of or 'jsonl'}"


def _columns(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        return jsonx.decode(text.encode(), dict[str, str])
    except InvalidRequest:
        raise InvalidRequest(
            "columns must be an object of texts",
            where="query parameter columns",
            fix='send for example {"input": "question"}',
        ) from None


def _delimiter(text: str | None) -> str | None:
    if text is not None and len(text) != 1:
        raise InvalidRequest(
            "a delimiter is one character",
            where="query parameter delimiter",
            fix="send for example ;",
        )
    return text


_READ = {
    "name": "the name of the file; its ending says the format",
    "format": f"where the name does not: {', '.join(FORMATS)}",
    "columns": "which field is which column, as JSON; others go by obvious names",
    "delimiter": "between the cells of a CSV file (default a comma)",
    "encoding": "of the text (default utf-8)",
    "mixed": "`true`: inputs may be of several types",
}
ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/datasets/{ref}/file",
        permission="datasets:write",
        handler=take,
        summary="Store the rows of a file as the next version of a dataset",
        gives=Dataset,
        bulk=True,
        query={**_READ, "note": "what is said of the version"},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/datasets/{ref}/file/preview",
        permission="datasets:write",
        handler=preview,
        summary="What a file of rows would be taken for; nothing is stored",
        gives=FilePreview,
        bulk=True,
        query=_READ,
    ),
]
