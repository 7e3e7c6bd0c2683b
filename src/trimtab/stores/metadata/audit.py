"""Who changed which prompt, plan, dataset, release, card, key, model, route or probe, and when.

One row per change, written in the transaction of the change: there is no change without its row and
no row without its change. Rows are never updated.
"""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, Connection, func, insert, or_, select

from trimtab.errors import InvalidRequest
from trimtab.ports import Clock
from trimtab.records import AuditEntry
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import audit


class Audit:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def write(
        self,
        connection: Connection,
        *,
        project: str,
        action: str,
        object: str,
        digest: str,
        principal: str | None = None,
    ) -> None:
        """Append an entry to the transaction of the change it is about."""
        connection.execute(
            insert(audit).values(
                project=project,
                time_ns=self._clock.now_ns(),
                principal=principal,
                action=action,
                object=object,
                digest=digest,
            )
        )

    def entries(
        self,
        project: str,
        *,
        limit: int,
        before: int | None = None,
        object: str | None = None,
        action: str | None = None,
        principal: str | None = None,
    ) -> list[AuditEntry]:
        """Newest first; see `ports.MetadataStore.audit`."""
        if limit < 0:
            raise InvalidRequest("limit is negative", where="limit", fix="ask for 0 or more")
        query = select(audit).filter_by(project=project)
        if before is not None:
            query = query.where(audit.c.seq < before)
        if object is not None:
            query = query.where(named(audit.c.object, object, "@"))
        if action is not None:
            query = query.where(named(audit.c.action, action, "."))
        if principal is not None:
            query = query.where(audit.c.principal == principal)
        query = query.order_by(audit.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            return [AuditEntry(**row) for row in connection.execute(query).mappings()]


def named(column: Column[str], name: str, mark: str) -> ColumnElement[bool]:
    """The column is the name, or the name and what a mark sets apart from it.

    Not LIKE: for SQLite it holds that `a` is `A`.
    """
    prefix = name + mark
    return or_(column == name, func.substr(column, 1, len(prefix)) == prefix)
