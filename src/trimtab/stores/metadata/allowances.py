"""Allowances in the metadata database: one for each project, kind and name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, select

from trimtab.errors import NotFound
from trimtab.records import Allowance
from trimtab.records.access import AllowanceKind
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import allowances


class SQLAllowances:
    """Implements `ports.AllowanceStore`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    def put(self, allowance: Allowance, *, by: str) -> None:
        check_name(allowance.project, what="the project")
        key = {"project": allowance.project, "kind": allowance.kind, "name": allowance.name}
        body = {"body": dump(allowance)}
        upsert = self._database.insert(allowances).values({**key, **body})
        with self._changes.transaction() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=body))
            self._changes.write_audit(
                connection,
                allowance,
                project=allowance.project,
                action="allowance.put",
                object=f"{allowance.kind} {allowance.name}",
                by=by,
            )

    def delete(self, project: str, kind: AllowanceKind, name: str, *, by: str) -> None:
        key = {"project": project, "kind": kind, "name": name}
        with self._changes.transaction() as connection:
            body = connection.execute(
                delete(allowances).filter_by(**key).returning(allowances.c.body)
            ).scalar()
            if body is None:
                raise NotFound(
                    f"there is no allowance for the {kind} {name[:200]!r} in project {project!r}",
                    fix="list the allowances",
                )
            self._changes.write_audit(
                connection,
                load(body, Allowance),
                project=project,
                action="allowance.delete",
                object=f"{kind} {name}",
                by=by,
            )

    def all(self) -> list[Allowance]:
        return _loaded(self._database, select(allowances.c.body))

    def list(self, project: str) -> list[Allowance]:
        return _loaded(self._database, select(allowances.c.body).filter_by(project=project))


def _loaded(database: Database, query: Select[Any]) -> list[Allowance]:
    with database.read() as connection:
        found = [load(body, Allowance) for body in connection.execute(query).scalars()]
    return sorted(found, key=lambda one: (one.project, one.kind, one.name))
