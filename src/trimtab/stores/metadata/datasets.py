"""Datasets in the metadata database: versions that share the rows they have in common.

A version is a content: a list of places in packs of rows, of its own and of versions before it. So
a version that changes one row of many costs the list and that row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from trimtab.errors import Conflict, NotFound, TrimtabError
from trimtab.kit import jsonx
from trimtab.records import Dataset, Example
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.census import Census
from trimtab.stores.metadata.contents import StoredRow, example, stored_rows
from trimtab.stores.metadata.drafts import Draft, Drafts, content_of, delete_content
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version, check_name
from trimtab.stores.metadata.own_ids import require_own_ids
from trimtab.stores.metadata.row_schema import RowSchema
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import contents, datasets

PIECE_ROWS = 4096


class SQLDatasets:
    """Implements `ports.DatasetStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._heads = Heads(database, "dataset")
        self._drafts = Drafts(database)

    def add(
        self,
        project: str,
        name: str,
        examples: Iterable[Example],
        *,
        note: str,
        created_ns: int,
        schema: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        by: str | None = None,
    ) -> Dataset:
        draft = self.draft(project, name, created_ns=created_ns, schema=schema)
        census = Census()
        try:
            for piece in _pieces(examples):
                self._drafts.extend(project, draft, piece, after=census.size, census=census)
            return self._commit(project, draft, census, note, created_ns, tags, by)
        except BaseException:
            self._forget(project, draft)
            raise

    def draft(
        self,
        project: str,
        name: str,
        *,
        created_ns: int,
        schema: Mapping[str, Any] | None = None,
    ) -> str:
        if schema is not None:
            RowSchema(schema)
        with self._database.write() as connection:
            # Locked, so that the version it builds on is not removed in between.
            latest = self._heads.lock(connection, project, name)
            newest = _find(connection, project, Version(name, latest))
            self._drafts.discard_abandoned(connection, project, created_ns)
            if schema is None:
                schema = (newest.dataset.schema if newest else None) or {}
            return self._drafts.begin(
                connection,
                project,
                name,
                base=newest.content if newest else None,
                schema=schema,
                created_ns=created_ns,
            )

    def extend(self, project: str, draft: str, examples: Sequence[Example], *, after: int) -> int:
        return self._drafts.extend(project, draft, examples, after=after)

    def commit(
        self,
        project: str,
        draft: str,
        *,
        note: str,
        created_ns: int,
        tags: Sequence[str] = (),
        by: str | None = None,
    ) -> Dataset:
        with self._database.read() as connection:
            found = self._drafts.find(connection, project, draft)
        census = Census()
        for row in stored_rows(self._database, found.id, rows=found.rows):
            one = example(row.line)
            census.add(one, content_of(one))
        return self._commit(project, draft, census, note, created_ns, tags, by)

    def discard(self, project: str, draft: str) -> None:
        with self._database.write() as connection:
            delete_content(connection, self._drafts.find(connection, project, draft, lock=True).id)

    def remove(self, project: str, name: str, *, by: str | None = None) -> int:
        check_name(name, what="the dataset's name")
        with self._database.write() as connection:
            newest = _stored(connection, project, self._heads.resolve(connection, project, name))
            self._heads.lock(connection, project, name)
            of_name = {"project": project, "name": name}
            removed = connection.execute(delete(datasets).filter_by(**of_name)).rowcount
            for number in connection.execute(select(contents.c.id).filter_by(**of_name)).scalars():
                delete_content(connection, number)
            self._audit.write(
                connection,
                project=project,
                action="dataset.remove",
                object=name,
                digest=newest.dataset.digest,
                principal=by,
            )
        return removed

    def get(self, project: str, ref: str) -> Dataset:
        return self._resolved(project, ref).dataset

    def examples(self, project: str, ref: str) -> list[Example]:
        return list(self.rows(project, ref))

    def rows(
        self, project: str, ref: str, *, after: int = 0, limit: int | None = None
    ) -> Iterator[Example]:
        return (example(row.line) for row in self._rows(project, ref, after, limit))

    def digests(self, project: str, ref: str) -> dict[str, str]:
        ids = msgspec.json.Decoder(_Identity)
        return {ids.decode(row.line).example_id: row.hash.hex() for row in self._rows(project, ref)}

    def versions(self, project: str, name: str) -> list[Dataset]:
        with self._database.read() as connection:
            version = self._heads.resolve(connection, project, name)
            query = select(datasets.c.body).filter_by(project=project, name=version.name)
            bodies = connection.execute(query.order_by(datasets.c.version.desc())).scalars()
            found = [load(body, Dataset) for body in bodies]
        if not found:
            raise _removed(version)
        return found

    def list(self, project: str) -> list[Dataset]:
        with self._database.read() as connection:
            bodies = self._heads.newest(connection, datasets, project)
            newest = [load(body, Dataset) for body in bodies]
        return sorted(newest, key=lambda dataset: dataset.name)

    def _rows(
        self, project: str, ref: str, after: int = 0, limit: int | None = None
    ) -> Iterator[StoredRow]:
        found = self._resolved(project, ref)
        rows = found.dataset.size
        return stored_rows(self._database, found.content, rows=rows, after=after, limit=limit)

    def _resolved(self, project: str, ref: str) -> _Stored:
        with self._database.read() as connection:
            return _stored(connection, project, self._heads.resolve(connection, project, ref))

    def _commit(
        self,
        project: str,
        draft: str,
        census: Census,
        note: str,
        created_ns: int,
        tags: Sequence[str],
        by: str | None,
    ) -> Dataset:
        self._require_own_ids(project, draft, census)
        with self._database.write() as connection:
            found = self._drafts.find(connection, project, draft)
            latest = self._heads.lock(connection, project, found.name)
            # Again: it may have been committed or extended while its name was waited for.
            found = self._drafts.find(connection, project, draft, lock=True)
            _require_counted(found, census)
            added = Dataset(
                name=found.name,
                version=latest + 1,
                project=project,
                digest=census.digest(),
                created_ns=created_ns,
                note=note,
                schema=jsonx.decode(found.schema.encode()) or None,
                tags=tuple(tags),
                **census.figures(),
            )
            newest = _find(connection, project, Version(found.name, latest))
            if newest and _same(newest.dataset, added):
                delete_content(connection, found.id)
                return newest.dataset
            connection.execute(update(contents).filter_by(id=found.id).values(draft=None))
            _insert_version(connection, added, found.id)
            self._heads.advance(connection, project, Version(found.name, added.version))
            self._audit.write(
                connection,
                project=project,
                action="dataset.add",
                object=added.ref,
                digest=added.digest,
                principal=by,
            )
        return added

    def _require_own_ids(self, project: str, draft: str, census: Census) -> None:
        suspects = census.repeated_ids()
        if suspects:
            with self._database.read() as connection:
                found = self._drafts.find(connection, project, draft)
            require_own_ids(stored_rows(self._database, found.id, rows=found.rows), suspects)

    def _forget(self, project: str, draft: str) -> None:
        """Discard a draft that failed; when that fails too, a day's end does it."""
        with suppress(TrimtabError):  # the failure before it is the one to tell
            self.discard(project, draft)


class _Identity(msgspec.Struct):
    example_id: str


class _Stored(NamedTuple):
    content: int
    dataset: Dataset


def _pieces(examples: Iterable[Example]) -> Iterator[Sequence[Example]]:
    left = iter(examples)
    while piece := [*islice(left, PIECE_ROWS)]:
        yield piece


def _insert_version(connection: Connection, dataset: Dataset, content: int) -> None:
    connection.execute(
        insert(datasets).values(
            project=dataset.project,
            name=dataset.name,
            version=dataset.version,
            digest=dataset.digest,
            body=dump(dataset),
            content=content,
        )
    )


def _same(newest: Dataset, added: Dataset) -> bool:
    if added.tags and newest.tags != added.tags:
        return False
    return (newest.digest, newest.schema) == (added.digest, added.schema)


def _find(connection: Connection, project: str, version: Version) -> _Stored | None:
    query = select(datasets.c.content, datasets.c.body).filter_by(
        project=project, name=version.name, version=version.number
    )
    found = connection.execute(query).first()
    return None if found is None else _Stored(found.content, load(found.body, Dataset))


def _stored(connection: Connection, project: str, version: Version) -> _Stored:
    found = _find(connection, project, version)
    if found is None:
        raise _removed(version)
    return found


def _removed(version: Version) -> NotFound:
    return NotFound(
        f"the dataset {version.name}@{version.number} was removed",
        fix="list the datasets for those there are",
    )


def _require_counted(draft: Draft, census: Census) -> None:
    if draft.rows != census.size:
        raise Conflict(
            "the draft got further rows while it was committed",
            fix="commit it again when all its rows are there",
            rows=draft.rows,
        )
