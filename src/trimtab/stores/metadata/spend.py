"""What was spent, in the metadata database: sums that a replay of their source does not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, select, tuple_, update

from trimtab.ports import Spend, SpendKey
from trimtab.records.access import AllowanceKind
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import cursors, spend

_KEY = [spend.c[name] for name in SpendKey._fields]
_PORTION = 500  # keys in one statement, which SQLite limits


class SQLSpend:
    """Implements `ports.SpendStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, source: str, position: int, increments: Mapping[SpendKey, Spend]) -> bool:
        # In one order for everybody: sources that add to the same rows would else deadlock.
        rows = [{**key._asdict(), **amount._asdict()} for key, amount in sorted(increments.items())]
        with self._database.write() as connection:
            if position <= self._lock(connection, source):
                return False
            if rows:
                insert = self._database.insert(spend)
                sums = {name: spend.c[name] + insert.excluded[name] for name in Spend._fields}
                upsert = insert.on_conflict_do_update(
                    index_elements=list(SpendKey._fields), set_=sums
                )
                connection.execute(upsert, rows)
            name = _cursor(source)
            connection.execute(update(cursors).filter_by(name=name).values(value=position))
        return True

    def position(self, source: str) -> int:
        query = select(cursors.c.value).filter_by(name=_cursor(source))
        with self._database.read() as connection:
            return connection.execute(query).scalar() or 0

    def spent(self, keys: Sequence[SpendKey]) -> dict[SpendKey, Spend]:
        found = dict.fromkeys(keys, Spend())
        with self._database.read() as connection:
            for start in range(0, len(keys), _PORTION):
                portion = [tuple(key) for key in keys[start : start + _PORTION]]
                query = select(spend).where(tuple_(*_KEY).in_(portion))
                found |= map(_item, connection.execute(query).mappings())
        return found

    def list(
        self, project: str, period: str, kind: AllowanceKind | None = None
    ) -> dict[SpendKey, Spend]:
        query = select(spend).filter_by(project=project, period=period)
        if kind is not None:
            query = query.filter_by(kind=kind)
        with self._database.read() as connection:
            found = [_item(row) for row in connection.execute(query).mappings()]
        return dict(sorted(found, key=lambda item: (-item[1].cost_nano_usd, item[0])))

    def _lock(self, connection: Connection, source: str) -> int:
        """Where a source stands; others that add from it wait from now on."""
        first = self._database.insert(cursors).values(name=_cursor(source), value=0)
        connection.execute(first.on_conflict_do_nothing())
        query = select(cursors.c.value).filter_by(name=_cursor(source)).with_for_update()
        return int(connection.execute(query).scalar_one())


def _cursor(source: str) -> str:
    return f"spend.{source}"


def _item(row: RowMapping) -> tuple[SpendKey, Spend]:
    return (
        SpendKey(*(row[name] for name in SpendKey._fields)),
        Spend(*(row[name] for name in Spend._fields)),
    )
