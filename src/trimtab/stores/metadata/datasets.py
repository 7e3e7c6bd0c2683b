"""Datasets in the metadata database: versions that share the rows they have in common.

A row is stored once per project under the digest of its content; a version is a list of digests. So
a version that changes one row of many costs the list and that row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from trimtab.errors import Conflict, NotFound
from trimtab.kit.hashing import digest
from trimtab.records import Dataset, Example
from trimtab.records.example import examples_digest
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import dataset_rows, datasets, example_rows, heads


class SQLDatasets:
    """Implements `ports.DatasetStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._heads = Heads(database, "dataset")

    def add(
        self, project: str, name: str, examples: Sequence[Example], *, note: str, created_ns: int
    ) -> Dataset:
        _check_ids(examples)
        # Hashed and encoded before the transaction, which other writers wait for.
        rows = [_Row(body=dump(example), digest=digest(example)) for example in examples]
        content = examples_digest([*examples])
        with self._database.write() as connection:
            latest = self._heads.lock(connection, project, name)
            if latest:
                newest = _version(connection, project, Version(name, latest)).dataset
                if newest.digest == content:
                    return newest
            added = Dataset(
                name=name,
                version=latest + 1,
                project=project,
                size=len(examples),
                digest=content,
                created_ns=created_ns,
                note=note,
            )
            self._insert_rows(connection, _insert_version(connection, added), project, rows)
            self._heads.advance(connection, project, Version(name, added.version))
            self._audit.write(
                connection,
                project=project,
                action="dataset.add",
                object=added.ref,
                digest=content,
            )
        return added

    def get(self, project: str, ref: str) -> Dataset:
        with self._database.read() as connection:
            return self._resolved(connection, project, ref).dataset

    def examples(self, project: str, ref: str) -> list[Example]:
        with self._database.read() as connection:
            stored = self._resolved(connection, project, ref)
            query = (
                select(example_rows.c.body)
                .join(
                    dataset_rows,
                    (dataset_rows.c.project == example_rows.c.project)
                    & (dataset_rows.c.digest == example_rows.c.digest),
                )
                .where(dataset_rows.c.dataset == stored.id)
                .order_by(dataset_rows.c.position)
            )
            bodies = connection.execute(query).scalars().all()
        return [load(body, Example) for body in bodies]

    def list(self, project: str) -> list[Dataset]:
        query = (
            select(datasets.c.body)
            .join(
                heads,
                (heads.c.project == datasets.c.project)
                & (heads.c.name == datasets.c.name)
                & (heads.c.latest == datasets.c.version),
            )
            .where(heads.c.noun == "dataset", datasets.c.project == project)
        )
        with self._database.read() as connection:
            newest = [load(body, Dataset) for body in connection.execute(query).scalars()]
        return sorted(newest, key=lambda dataset: dataset.name)

    def _resolved(self, connection: Connection, project: str, ref: str) -> _Stored:
        return _version(connection, project, self._heads.resolve(connection, project, ref))

    def _insert_rows(
        self, connection: Connection, dataset: int, project: str, rows: Sequence[_Row]
    ) -> None:
        if not rows:
            return
        # In one order for everybody: writers that add the same rows would else wait for each other.
        bodies = [{"project": project, **row._asdict()} for row in sorted(rows)]
        connection.execute(self._database.insert(example_rows).on_conflict_do_nothing(), bodies)
        connection.execute(
            insert(dataset_rows),
            [
                {"project": project, "dataset": dataset, "position": position, "digest": row.digest}
                for position, row in enumerate(rows)
            ],
        )


class _Row(NamedTuple):
    digest: str
    body: str


class _Stored(NamedTuple):
    id: int
    dataset: Dataset


def _insert_version(connection: Connection, dataset: Dataset) -> int:
    """Store a version without its rows; returns the id its rows refer to."""
    statement = insert(datasets).values(
        project=dataset.project,
        name=dataset.name,
        version=dataset.version,
        digest=dataset.digest,
        body=dump(dataset),
    )
    number: int = connection.execute(statement.returning(datasets.c.id)).scalar_one()
    return number


def _version(connection: Connection, project: str, version: Version) -> _Stored:
    query = select(datasets.c.id, datasets.c.body).filter_by(
        project=project, name=version.name, version=version.number
    )
    found = connection.execute(query).first()
    if found is None:
        raise NotFound(f"the dataset {version.name}@{version.number} was deleted")
    return _Stored(found.id, load(found.body, Dataset))


def _check_ids(examples: Sequence[Example]) -> None:
    counts = Counter(example.example_id for example in examples)
    for example_id, count in counts.items():
        if count > 1:
            raise Conflict(
                f"the example_id {example_id!r} is used {count} times",
                where="examples",
                fix="give each row of a dataset an example_id of its own",
                example_id=example_id,
            )
