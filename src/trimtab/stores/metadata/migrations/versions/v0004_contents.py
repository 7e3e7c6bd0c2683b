"""Rows of datasets in packs instead of a row each, and what a dataset says of them counted."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from trimtab.kit import zstd

revision = "0004"
down_revision: str | None = "0003"

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_PACK_ROWS = 512

_Row = tuple[str, str]  # a digest, and the body it is of
_Known = dict[str, tuple[int, int]]  # a digest: the pack and the slot of its row

_CONTENTS = sa.table(
    "contents",
    sa.column("id", _ROW_NUMBER),
    *map(sa.column, ("project", "name", "rows", "schema", "created_ns")),
)
_PACKS = sa.table(
    "row_packs",
    sa.column("id", _ROW_NUMBER),
    sa.column("content", sa.BigInteger),
    sa.column("hashes", sa.LargeBinary),
    sa.column("body", sa.LargeBinary),
)
_BLOCKS = sa.table("row_blocks", *map(sa.column, ("content", "first", "rows", "places")))
_DATASETS = sa.table("datasets", *map(sa.column, ("id", "project", "name", "body", "content")))


def upgrade() -> None:
    _create_tables()
    op.add_column(
        "datasets", sa.Column("content", sa.BigInteger, nullable=False, server_default="0")
    )
    connection = op.get_bind()
    known: dict[tuple[str, str], _Known] = {}
    for dataset in connection.execute(sa.select(_DATASETS).order_by(_DATASETS.c.id)).all():
        _convert(connection, dataset, known.setdefault((dataset.project, dataset.name), {}))
    op.drop_table("dataset_rows")
    op.drop_table("example_rows")


def _create_tables() -> None:
    op.create_table(
        "contents",
        sa.Column("id", _ROW_NUMBER, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("draft", sa.Text),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("base", sa.BigInteger),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contents"),
        sa.UniqueConstraint("project", "draft", name="uq_contents_project_draft"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contents_project_name", "contents", ["project", "name"])
    op.create_table(
        "row_packs",
        sa.Column("id", _ROW_NUMBER, nullable=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_row_packs"),
        sa.ForeignKeyConstraint(["content"], ["contents.id"], name="fk_row_packs_contents"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_row_packs_content", "row_packs", ["content"])
    op.create_table(
        "row_blocks",
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("places", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("content", "first", name="pk_row_blocks"),
        sa.ForeignKeyConstraint(["content"], ["contents.id"], name="fk_row_blocks_contents"),
    )


def _convert(connection: sa.Connection, dataset: Any, known: _Known) -> None:
    record: dict[str, Any] = json.loads(dataset.body)
    statement = sa.insert(_CONTENTS).values(
        project=dataset.project,
        name=dataset.name,
        rows=record["size"],
        schema="{}",
        created_ns=record["created_ns"],
    )
    content: int = connection.execute(statement.returning(_CONTENTS.c.id)).scalar_one()
    figures = _Figures()
    for first in range(0, record["size"], _PACK_ROWS):
        rows = _rows(connection, dataset.id, first)
        figures.count(rows)
        _store(connection, content, [row for row in rows if row[0] not in known], known)
        places = [[*known[digest], 1] for digest, _ in rows]
        block = {"content": content, "first": first, "rows": len(rows)}
        connection.execute(sa.insert(_BLOCKS).values(**block, places=_text(places)))
    body = _text({**record, **figures.told()})
    changed = sa.update(_DATASETS).where(_DATASETS.c.id == dataset.id)
    connection.execute(changed.values(content=content, body=body))


def _rows(connection: sa.Connection, dataset: int, first: int) -> list[_Row]:
    query = sa.text(
        "SELECT example_rows.digest, example_rows.body FROM dataset_rows JOIN example_rows"
        " ON example_rows.project = dataset_rows.project"
        " AND example_rows.digest = dataset_rows.digest"
        " WHERE dataset_rows.dataset = :dataset"
        " AND dataset_rows.position >= :first AND dataset_rows.position < :last"
        " ORDER BY dataset_rows.position"
    )
    span = {"dataset": dataset, "first": first, "last": first + _PACK_ROWS}
    return [(row.digest, row.body) for row in connection.execute(query, span)]


def _store(connection: sa.Connection, content: int, rows: Sequence[_Row], known: _Known) -> None:
    if not rows:
        return
    statement = sa.insert(_PACKS).values(
        content=content,
        hashes=b"".join(bytes.fromhex(digest)[:16] for digest, _ in rows),
        body=_compressed("\n".join(body for _, body in rows).encode()),
    )
    pack: int = connection.execute(statement.returning(_PACKS.c.id)).scalar_one()
    known.update({digest: (pack, slot) for slot, (digest, _) in enumerate(rows)})


def _compressed(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Figures:
    """The counts of a dataset, as they were defined when this step was written."""

    def __init__(self) -> None:
        self._size = self._linked = 0
        self._splits: Counter[str] = Counter()
        self._inputs: set[str] = set()
        self._clusters: set[str] = set()

    def count(self, rows: Sequence[_Row]) -> None:
        for row in _read(rows):
            self._size += 1
            self._inputs.add(_normalised(row["input"]))
            if (cluster := row.get("cluster")) is not None:
                self._clusters.add(cluster)
            if (split := row.get("split")) is not None:
                self._splits[split] += 1
            self._linked += row.get("source_span") is not None

    def told(self) -> dict[str, Any]:
        return {
            "splits": dict(sorted(self._splits.items())),
            "clusters": len(self._clusters),
            "duplicates": self._size - len(self._inputs),
            "linked": self._linked,
        }


def _read(rows: Sequence[_Row]) -> Iterator[dict[str, Any]]:
    for _, body in rows:
        yield json.loads(body)


def _normalised(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
