"""Virtual keys in the metadata database: their digests, never their secrets."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Select, insert, or_, select, update

from trimtab.errors import Conflict, NotFound
from trimtab.records import VirtualKey
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import keys


class SQLKeys:
    """Implements `ports.KeyStore`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    def add(self, key: VirtualKey, *, by: str) -> None:
        check_name(key.project, what="the project")
        check_name(key.key_id, what="the key's id")
        check_name(key.name, what="the key's name")
        row = {
            "project": key.project,
            "key_id": key.key_id,
            "name": key.name,
            "digest": key.digest,
            "created_ns": key.created_ns,
            "body": dump(key),
        }
        with self._changes.transaction() as connection:
            _require_new(connection, key)
            connection.execute(insert(keys).values(row))
            self._write_audit(connection, key, "key.add", by)

    def get(self, project: str, ref: str) -> VirtualKey:
        with self._database.read() as connection:
            return _found(connection, project, ref)

    def all(self) -> list[VirtualKey]:
        return _loaded(self._database, select(keys.c.body))

    def list(self, project: str) -> list[VirtualKey]:
        return _loaded(self._database, select(keys.c.body).filter_by(project=project))

    def rotate(self, project: str, ref: str, *, digest: str, hint: str, by: str) -> VirtualKey:
        return self._change(project, ref, "key.rotate", by, digest=digest, hint=hint)

    def disable(self, project: str, ref: str, *, disabled: bool, by: str) -> VirtualKey:
        action = "key.disable" if disabled else "key.enable"
        return self._change(project, ref, action, by, disabled=disabled)

    def expire(self, project: str, ref: str, *, expires_ns: int | None, by: str) -> VirtualKey:
        return self._change(project, ref, "key.expire", by, expires_ns=expires_ns)

    def _change(self, project: str, ref: str, action: str, by: str, **changes: Any) -> VirtualKey:
        # Read and written in one transaction: of two changes at once, neither undoes the other.
        with self._changes.transaction() as connection:
            key = replace(_found(connection, project, ref), **changes)
            connection.execute(
                update(keys)
                .filter_by(project=project, key_id=key.key_id)
                .values(digest=key.digest, body=dump(key))
            )
            self._write_audit(connection, key, action, by)
        return key

    def _write_audit(self, connection: Connection, key: VirtualKey, action: str, by: str) -> None:
        self._changes.write_audit(
            connection, key, project=key.project, action=action, object=key.key_id, by=by
        )


def _loaded(database: Database, query: Select[Any]) -> list[VirtualKey]:
    newest = query.order_by(keys.c.created_ns.desc(), keys.c.project, keys.c.key_id.desc())
    with database.read() as connection:
        return [load(body, VirtualKey) for body in connection.execute(newest).scalars()]


def _found(connection: Connection, project: str, ref: str) -> VirtualKey:
    query = select(keys.c.body).filter_by(project=project)
    by_id = connection.execute(query.filter_by(key_id=ref)).scalar()
    body = by_id or connection.execute(query.filter_by(name=ref)).scalar()
    if body is None:
        raise NotFound(
            f"there is no key {ref[:200]!r} in project {project!r}",
            fix="name its id or its name; list the keys for both",
        )
    return load(body, VirtualKey)


def _require_new(connection: Connection, key: VirtualKey) -> None:
    """A name is not the id of another key either, for a key is asked for by both."""
    names = (key.key_id, key.name)
    taken = select(keys.c.name).filter_by(project=key.project)
    found = taken.where(or_(keys.c.key_id.in_(names), keys.c.name.in_(names)))
    name = connection.execute(found).scalar()
    if name is not None:
        raise Conflict(
            f"there is a key {name!r} already",
            where="name",
            fix="choose another name; a disabled key keeps its own",
        )
