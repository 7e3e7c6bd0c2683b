"""Changes to what the gateway allows: counted together, audited one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from trimtab.kit.hashing import digest
from trimtab.records import Record
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.counter import Counter
from trimtab.stores.metadata.engine import Database


class Changes:
    """Keys, allowances, models, routes and their shares have one counter: all are one snapshot."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._counter = Counter(database, "gateway")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction in which something is changed; one at a time, whoever writes."""
        with self._database.write() as connection:
            self._counter.bump(connection)
            yield connection

    def write_audit(
        self,
        connection: Connection,
        record: Record,
        *,
        project: str,
        action: str,
        object: str,
        by: str,
    ) -> None:
        """Say in the transaction of a change what it was; `record` is what changed."""
        self._audit.write(
            connection,
            project=project,
            action=action,
            object=object,
            digest=digest(record),
            principal=by,
        )

    def revision(self) -> int:
        return self._counter.value()
