"""Numbers that grow with every change of something, for those who poll.

A change bumps its counter first, in its own transaction. The counter's row is what writers queue
on, so the changes it counts happen one after another, and the number never goes back.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import counters


class Counter:
    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    def bump(self, connection: Connection) -> None:
        """Count a change; other changes wait until its transaction ends."""
        first = self._database.insert(counters).values(name=self._name, value=1)
        connection.execute(
            first.on_conflict_do_update(
                index_elements=["name"], set_={"value": counters.c.value + 1}
            )
        )

    def value(self) -> int:
        with self._database.read() as connection:
            query = select(counters.c.value).filter_by(name=self._name)
            return connection.execute(query).scalar() or 0
