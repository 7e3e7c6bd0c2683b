"""Where background consumers stand, in the metadata database."""

from __future__ import annotations

from sqlalchemy import select

from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import cursors


class SQLCursors:
    """Implements `ports.CursorStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> int:
        with self._database.read() as connection:
            return connection.execute(select(cursors.c.value).filter_by(name=name)).scalar() or 0

    def put(self, name: str, value: int) -> None:
        row = {"name": name, "value": value}
        upsert = self._database.insert(cursors).values(row)
        with self._database.write() as connection:
            connection.execute(
                upsert.on_conflict_do_update(index_elements=["name"], set_={"value": value})
            )
