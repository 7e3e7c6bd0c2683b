"""Routes in the metadata database: changed in place, with a revision that grows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, select

from trimtab.errors import Conflict, NotFound
from trimtab.ports import StoredRoute
from trimtab.records import Route
from trimtab.records.route import clashes
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import routes

_ROWS = select(routes.c.project, routes.c.name, routes.c.revision, routes.c.body)


class SQLRoutes:
    """Implements `ports.RouteStore`. The head of a name is its newest revision."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._heads = Heads(database, "route")

    def put(self, route: Route, *, by: str, over: int | None = None) -> StoredRoute:
        with self._changes.transaction() as connection:
            latest = self._heads.lock(connection, route.project, route.name)
            former = _found(connection, route.project, route.name)
            self._heads.require_revision(route.name, former.revision if former else 0, over)
            _require_free(connection, route)
            stored = StoredRoute(route, latest + 1)
            key = {"project": route.project, "name": route.name}
            values = {"revision": stored.revision, "body": dump(route)}
            upsert = self._database.insert(routes).values({**key, **values})
            connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=values))
            self._heads.advance(connection, route.project, Version(route.name, stored.revision))
            self._write_audit(connection, route, "route.put", by)
        return stored

    def get(self, project: str, name: str) -> StoredRoute:
        with self._database.read() as connection:
            found = _found(connection, project, name)
        if found is None:
            raise _unknown(project, name)
        return found

    def delete(self, project: str, name: str, *, by: str, over: int | None = None) -> None:
        with self._changes.transaction() as connection:
            found = _found(connection, project, name)
            if found is None:
                raise _unknown(project, name)
            self._heads.require_revision(name, found.revision, over)
            connection.execute(delete(routes).filter_by(project=project, name=name))
            self._write_audit(connection, found.route, "route.delete", by)

    def all(self) -> list[StoredRoute]:
        return _loaded(self._database, _ROWS)

    def list(self, project: str) -> list[StoredRoute]:
        return _loaded(self._database, _ROWS.filter_by(project=project))

    def _write_audit(self, connection: Connection, route: Route, action: str, by: str) -> None:
        self._changes.write_audit(
            connection, route, project=route.project, action=action, object=route.name, by=by
        )


def _loaded(database: Database, query: Select[Any]) -> list[StoredRoute]:
    with database.read() as connection:
        found = [_stored(row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda one: (one.route.project, one.route.name))


def _found(connection: Connection, project: str, name: str) -> StoredRoute | None:
    row = connection.execute(_ROWS.filter_by(project=project, name=name)).mappings().first()
    return None if row is None else _stored(row)


def _stored(row: RowMapping) -> StoredRoute:
    return StoredRoute(load(row["body"], Route), row["revision"])


def _require_free(connection: Connection, route: Route) -> None:
    """Its name and aliases lead to no other route; whoever else writes waits."""
    query = _ROWS.filter_by(project=route.project).where(routes.c.name != route.name)
    others = [_stored(row).route for row in connection.execute(query).mappings()]
    for clash in clashes([*others, route]):
        raise Conflict(
            f"the name {clash.name!r} belongs to the route {others[clash.first].name!r} already",
            where="name" if clash.name == route.name else "aliases",
            fix="choose another, or take it from that route first",
        )


def _unknown(project: str, name: str) -> NotFound:
    return NotFound(
        f"there is no route {name[:200]!r} in project {project!r}", fix="list the routes"
    )
