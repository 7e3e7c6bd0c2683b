"""The versions of prompts and of plans: rows that are added and never changed."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection, Table, bindparam, insert, select

from trimtab.errors import NotFound
from trimtab.records import Plan, Prompt
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.heads import Heads, Version
from trimtab.stores.metadata.rows import dump, load

V = TypeVar("V", bound=Plan | Prompt)


class Versions(Generic[V]):
    """The versions of one noun, in its table; `heads` are those of the noun."""

    def __init__(self, table: Table, kind: type[V], heads: Heads, audit: Audit) -> None:
        self._table = table
        self._kind = kind
        self._heads = heads
        self._audit = audit
        self._body = select(table.c.body).filter_by(
            project=bindparam("project"), name=bindparam("name"), version=bindparam("version")
        )

    def insert(self, connection: Connection, new: V, number: int) -> V:
        """Store the next version of a name, whose head must be locked."""
        added = replace(new, version=number)
        connection.execute(
            insert(self._table).values(
                project=added.project,
                name=added.name,
                version=added.version,
                digest=added.digest,
                body=dump(added),
            )
        )
        self._heads.advance(connection, added.project, Version(added.name, added.version))
        self._audit.write(
            connection,
            project=added.project,
            action=f"{self._heads.noun}.add",
            object=added.ref,
            digest=added.digest,
            principal=added.author,
        )
        return added

    def same(self, connection: Connection, new: V, latest: int) -> V | None:
        """The newest version of its name, if it has the same content."""
        if not latest:
            return None
        newest = self.stored(connection, new.project, Version(new.name, latest))
        return newest if newest.digest == new.digest else None

    def stored(self, connection: Connection, project: str, version: Version) -> V:
        """Raises NotFound when the version was deleted."""
        key = {"project": project, "name": version.name, "version": version.number}
        body = connection.execute(self._body, key).scalar()
        if body is None:
            noun = self._heads.noun
            raise NotFound(f"the {noun} {version.name}@{version.number} was deleted")
        return load(body, self._kind)

    def newest(self, connection: Connection, project: str) -> list[V]:
        """The newest version of each name, by name."""
        bodies = self._heads.newest(connection, self._table, project)
        # Sorted here: the order of text in PostgreSQL depends on the locale of the database.
        return sorted((load(body, self._kind) for body in bodies), key=lambda one: one.name)

    def of(self, connection: Connection, project: str, name: str) -> list[V]:
        """All versions of a name, newest first. Raises NotFound when there is no such name."""
        self._heads.latest(connection, project, name)
        query = select(self._table.c.body).filter_by(project=project, name=name)
        bodies = connection.execute(query.order_by(self._table.c.version.desc())).scalars()
        return [load(body, self._kind) for body in bodies]
