"""Policies of guards in the metadata database: every revision stays, one of a name is in force."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, update

from trimtab.errors import NotFound
from trimtab.ports import StoredPolicy
from trimtab.records import GuardPolicy
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import guard_policies as table

_ROWS = select(table.c.project, table.c.name, table.c.revision, table.c.body)


class SQLGuardPolicies:
    """Implements `ports.GuardPolicyStore`. The head of a name is its newest revision."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._heads = Heads(database, "guard policy")

    def put(self, policy: GuardPolicy, *, by: str, over: int | None = None) -> StoredPolicy:
        with self._changes.transaction() as connection:
            latest = self._heads.lock(connection, policy.project, policy.name)
            former = _found(connection, policy.project, policy.name)
            self._heads.require_revision(policy.name, former.revision if former else 0, over)
            stored = StoredPolicy(policy, latest + 1)
            self._retire(connection, policy.project, policy.name)
            row = {"project": policy.project, "name": policy.name, "revision": stored.revision}
            connection.execute(table.insert(), [{**row, "in_force": 1, "body": dump(policy)}])
            self._heads.advance(connection, policy.project, Version(policy.name, stored.revision))
            self._write_audit(connection, policy, "guard_policy.put", by)
        return stored

    def get(self, project: str, name: str, revision: int | None = None) -> StoredPolicy:
        with self._database.read() as connection:
            found = _found(connection, project, name, revision)
        if found is None:
            raise _unknown(project, name)
        return found

    def delete(self, project: str, name: str, *, by: str, over: int | None = None) -> None:
        with self._changes.transaction() as connection:
            found = _found(connection, project, name)
            if found is None:
                raise _unknown(project, name)
            self._heads.require_revision(name, found.revision, over)
            self._retire(connection, project, name)
            self._write_audit(connection, found.policy, "guard_policy.delete", by)

    def all(self) -> list[StoredPolicy]:
        return _loaded(self._database, _ROWS.filter_by(in_force=1))

    def history(self, project: str, name: str) -> list[StoredPolicy]:
        found = _loaded(self._database, _ROWS.filter_by(project=project, name=name))
        return sorted(found, key=lambda one: -one.revision)

    def list(self, project: str) -> list[StoredPolicy]:
        return _loaded(self._database, _ROWS.filter_by(project=project, in_force=1))

    def _retire(self, connection: Connection, project: str, name: str) -> None:
        connection.execute(
            update(table).filter_by(project=project, name=name, in_force=1).values(in_force=0)
        )

    def _write_audit(
        self, connection: Connection, policy: GuardPolicy, action: str, by: str
    ) -> None:
        self._changes.write_audit(
            connection, policy, project=policy.project, action=action, object=policy.name, by=by
        )


def _loaded(database: Database, query: Select[Any]) -> list[StoredPolicy]:
    with database.read() as connection:
        found = [_stored(row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda one: (one.policy.project, one.policy.name))


def _found(
    connection: Connection, project: str, name: str, revision: int | None = None
) -> StoredPolicy | None:
    query = _ROWS.filter_by(project=project, name=name)
    which = {"in_force": 1} if revision is None else {"revision": revision}
    row = connection.execute(query.filter_by(**which)).mappings().first()
    return None if row is None else _stored(row)


def _stored(row: RowMapping) -> StoredPolicy:
    return StoredPolicy(load(row["body"], GuardPolicy), row["revision"])


def _unknown(project: str, name: str) -> NotFound:
    return NotFound(
        f"there is no guard policy {name[:200]!r} in project {project!r}",
        fix="list the guard policies",
    )
