"""Shares that bandits learnt, in the metadata database: one row for each route."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from trimtab.errors import InvalidRequest
from trimtab.ports import LearntShares
from trimtab.records import Record
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import route_shares as table


class Shares(Record, frozen=True, kw_only=True):
    """What is in a row: the share of each version, whose number JSON has as text."""

    shares: dict[str, float]


class SQLShares:
    """Implements `ports.ShareStore`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    def put(self, learnt: LearntShares, *, by: str) -> None:
        check_name(learnt.project, what="the project")
        check_name(learnt.route, what="the route")
        _check_shares(learnt)
        record = Shares(shares={f"{version}": share for version, share in learnt.shares.items()})
        key = {"project": learnt.project, "route": learnt.route}
        changing = {"time_ns": learnt.time_ns, "body": dump(record)}
        upsert = self._database.insert(table).values({**key, **changing})
        with self._changes.transaction() as connection:
            connection.execute(
                upsert.on_conflict_do_update(index_elements=list(key), set_=changing)
            )
            self._write_audit(connection, record, learnt.project, learnt.route, "shares.put", by)

    def all(self) -> Sequence[LearntShares]:
        query = select(table.c.project, table.c.route, table.c.time_ns, table.c.body)
        with self._database.read() as connection:
            found = [
                LearntShares(row.project, row.route, _numbered(row.body), row.time_ns)
                for row in connection.execute(query)
            ]
        return sorted(found, key=lambda one: (one.project, one.route))

    def delete(self, project: str, route: str, *, by: str) -> None:
        key = {"project": project, "route": route}
        query = select(table.c.body).filter_by(**key)
        with self._database.read() as connection:
            if connection.execute(query).scalar() is None:
                return
        with self._changes.transaction() as connection:
            body = connection.execute(query).scalar()
            connection.execute(delete(table).filter_by(**key))
            if body is not None:
                record = load(body, Shares)
                self._write_audit(connection, record, project, route, "shares.delete", by)

    def _write_audit(
        self, connection: Connection, record: Shares, project: str, route: str, action: str, by: str
    ) -> None:
        self._changes.write_audit(
            connection, record, project=project, action=action, object=route, by=by
        )


def _numbered(body: str) -> dict[int, float]:
    return {int(version): share for version, share in load(body, Shares).shares.items()}


def _check_shares(learnt: LearntShares) -> None:
    for version, share in learnt.shares.items():
        if not math.isfinite(share) or share < 0:
            raise InvalidRequest(
                f"the share of {learnt.route}@{version} is {share}",
                where="shares",
                fix="give each version a finite share of 0 or more",
            )
