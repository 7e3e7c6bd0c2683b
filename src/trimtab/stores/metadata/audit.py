"""Who changed which prompt, dataset, release, card, key, allowance, model or route, and when.

One row per change, written in the transaction of the change: there is no change without its row and
no row without its change. Rows are never updated.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert, select

from trimtab.ports import Clock
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import audit


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change.

    `seq` orders the entries; numbers may be missing. `action` is noun.verb (`prompt.add`,
    `release.promote`), `object` the reference of what changed, `digest` its content.
    """

    seq: int
    project: str
    time_ns: int
    principal: str | None
    action: str
    object: str
    digest: str


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

    def entries(self, project: str, *, limit: int) -> list[AuditEntry]:
        """Newest first."""
        query = select(audit).filter_by(project=project).order_by(audit.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            return [AuditEntry(**row) for row in connection.execute(query).mappings()]
