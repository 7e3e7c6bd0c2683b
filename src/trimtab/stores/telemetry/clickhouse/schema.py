"""The schema on ClickHouse: numbered SQL files, applied once each, remembered with their checksums.

Several processes may start at once: every statement can be applied again without harm.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from trimtab.errors import StoreError
from trimtab.stores.telemetry.clickhouse.connection import Connection, Failed
from trimtab.stores.telemetry.migrations import Migration, migrations_in, require_known
from trimtab.stores.telemetry.queries import fill

_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_APPLIED = """
    CREATE TABLE IF NOT EXISTS schema_migrations {on_cluster} (
        number Int64, name String, checksum String, applied_ns Int64
    ) ENGINE = {replicated}MergeTree ORDER BY number"""


def migrations() -> list[Migration]:
    """The steps this version knows, in order."""
    return migrations_in("trimtab.stores.telemetry.clickhouse.migrations")


def statements(sql: str, cluster: str) -> list[str]:
    """The statements of a file, for one server or for the replicas of a cluster."""
    filled = fill(
        _COMMENT.sub("", sql),
        on_cluster=f"ON CLUSTER {cluster}" if cluster else "",
        replicated="Replicated" if cluster else "",
    )
    return [one.strip() for one in filled.split(";") if one.strip()]


def upgrade(connection: Connection, known: Sequence[Migration]) -> None:
    """Apply what is missing.

    Raises:
        StoreTooNew: a later version of Trimtab has changed the schema.
        StoreError: an applied step is not the one this version knows, or a step fails.
    """
    cluster = connection.place.cluster
    try:
        for statement in statements(_APPLIED, cluster):
            connection.run(statement)
        found = connection.ask("SELECT DISTINCT number, checksum FROM schema_migrations").rows
        applied: dict[int, str] = dict(found)
        require_known(applied, known, str(connection.place))
        for step in known:
            if step.number not in applied:
                for statement in statements(step.sql, cluster):
                    connection.run(statement)
                cells = (step.number, step.name, step.checksum, time.time_ns())
                columns = ("number", "name", "checksum", "applied_ns")
                connection.insert("schema_migrations", columns, [cells])
    except Failed as failed:
        raise StoreError(
            f"the telemetry store cannot be opened: {failed.reason}",
            where=str(connection.place),
            fix="let this user create tables and views in that database",
        ) from failed
