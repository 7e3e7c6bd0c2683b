"""The rows of a suite: from a dataset of the server, a file, or written in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.datasets.checking import Checking
from trimtab.datasets.fields import mapped
from trimtab.datasets.files import read_examples
from trimtab.datasets.parquet import read_parquet
from trimtab.datasets.reading import MAX_CELL_BYTES, Reading
from trimtab.errors import InvalidRequest
from trimtab.experiments.suite import DataRef, each_row
from trimtab.kit.hashing import digest
from trimtab.records import Dataset, Example
from trimtab.records.example import examples_digest

_TABLES = {"parquet": read_parquet}
_LONG = ("input", "expected", "context", "metadata")


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """The examples of a run, and what its record calls them.

    `stored` says that the server has them, in the dataset of that name.
    """

    examples: Sequence[Example]
    name: str
    digest: str
    split: str | None = None
    note: str = ""
    stored: bool = False


def rows_of(
    data: DataRef,
    folder: Path,
    client: Client | None,
    *,
    most: int | None = None,
    own: Iterable[Any] | None = None,
) -> Rows:
    """The rows that a suite names.

    Args:
        folder: where relative paths start.
        client: of the server that has the datasets; None where there is no server.
        most: take no more rows than this, spread like `sample`.
        own: rows of a program, in the place of what `data` names.
    Raises:
        InvalidRequest: a row or the reference is wrong; says which and what to do.
        NotFound: there is no such dataset.
    """
    if own is not None:
        examples, name, whole = _given(own, data), "rows in place", None
    else:
        examples, name, whole = _read(data, folder, client)
    kept = [row for row in examples if _is_wanted(row, data)]
    if not kept:
        raise InvalidRequest(
            f"{name} has no rows" + (" of this split and these tags" if examples else ""),
            where="data",
            fix="name other rows",
        )
    size = min(filter(None, (data.sample, most)), default=None)
    note = ""
    if size is not None and size < len(kept):
        note = f"a sample of {size} of {len(kept)} rows"
        kept = sampled(kept, size, data.seed)
    narrowed = len(kept) < len(examples) and (bool(data.tags) or size is not None)
    return Rows(
        examples=kept,
        name=name,
        digest=whole if whole is not None and not narrowed else examples_digest(kept),
        split=data.split,
        note=note,
        stored=whole is not None,
    )


def sampled(examples: Sequence[Example], size: int, seed: int) -> list[Example]:
    """So many rows, spread over splits and tags as all are, the same ones for one seed.

    Rows of one kind, in the order of a hash of seed and id, are taken at even distances (systematic
    sampling), so that a kind's share is kept to within one row.
    """

    def place_of(at: int) -> tuple[str, tuple[str, ...], str]:
        row = examples[at]
        return row.split or "", row.tags, digest([seed, row.example_id])

    order = sorted(range(len(examples)), key=place_of)
    step = len(order) / size
    taken = sorted(order[int((place + 0.5) * step)] for place in range(size))
    return [examples[at] for at in taken]


def _read(
    data: DataRef, folder: Path, client: Client | None
) -> tuple[list[Example], str, str | None]:
    """All rows, their name, and the digest of the stored dataset they are."""
    given = [name for name in ("dataset", "file", "rows") if getattr(data, name) is not None]
    if len(given) != 1:
        raise InvalidRequest(
            "data names " + (" and ".join(given) if given else "nothing"),
            where="data",
            fix="give one of `dataset`, `file` and `rows`",
        )
    if data.rows is not None:
        return _in_place(data.rows, data), "rows in place", None
    if data.file is not None:
        path = folder / Path(data.file).expanduser()
        return list(read_examples(path, _reading(data), tables=_TABLES)), path.name, None
    if client is None:
        raise InvalidRequest(
            f"the dataset {data.dataset} is on a server, and none is named",
            where="data.dataset",
            fix="give `url`, or name a `file`",
        )
    stored = msgspec.convert(client.get(api_path("datasets", data.dataset or "")), Dataset)
    found = msgspec.convert(client.examples(stored.ref), list[Example])
    return found, stored.ref, stored.digest


def _reading(data: DataRef) -> Reading:
    return Reading(
        columns=data.map,
        encoding=data.encoding,
        max_cell_bytes=data.max_cell_bytes or MAX_CELL_BYTES,
        mixed=data.mixed,
    )


def _given(own: Iterable[Any], data: DataRef) -> list[Example]:
    rows = list(own)
    if all(isinstance(row, Example) for row in rows):
        _require_own_ids(rows)
        checking = Checking({}, _reading(data))
        for number, row in enumerate(rows, start=1):
            what = f"row {number}"
            fields = {name: getattr(row, name) for name in _LONG}
            checking.cells(fields, what=what, number=number)
            checking.kinds(row, what=what)
        return rows
    names = dict.fromkeys(name for row in each_row(rows) for name in row)
    return _examples(each_row(rows), list(names), data)


def _is_wanted(row: Example, data: DataRef) -> bool:
    if data.split is not None and row.split != data.split:
        return False
    return not data.tags or not set(data.tags).isdisjoint(row.tags)


def _in_place(rows: Sequence[Mapping[str, Any]], data: DataRef) -> list[Example]:
    """Rows as they were written."""
    if not rows:
        return []
    names = dict.fromkeys(name for row in rows for name in row)
    return _examples(rows, list(names), data)


def _examples(
    rows: Iterable[Mapping[str, Any]], names: Sequence[str], data: DataRef
) -> list[Example]:
    """Rows as examples, each of which has an id of its own."""
    mapping = mapped(data.map, names, strict=True, where="data.rows")
    checking = Checking(mapping.columns, _reading(data))
    examples = []
    for number, row in enumerate(rows, start=1):
        what = f"row {number}"
        checking.cells(row, what=what, number=number)
        example = mapping.example(row, what=what)
        checking.kinds(example, what=what)
        examples.append(example)
    _require_own_ids(examples)
    return examples


def _require_own_ids(examples: Sequence[Example]) -> None:
    """Raises InvalidRequest where two rows have one id: they would be taken for repeats of one."""
    if len({example.example_id for example in examples}) == len(examples):
        return
    seen: dict[str, int] = {}
    for number, example in enumerate(examples, start=1):
        first = seen.setdefault(example.example_id, number)
        if first != number:
            raise InvalidRequest(
                f"row {number} has the id of row {first}: {example.example_id[:100]!r}",
                where=f"row {number}",
                fix="give each row its own example_id; rows without one must differ",
            )
