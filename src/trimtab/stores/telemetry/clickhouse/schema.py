"""The schema on ClickHouse: numbered SQL files, applied once each, remembered with their checksums.

Several processes may start at once: every statement can be applied again without harm.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from trimtab.errors import StoreError, StoreTooNew
from trimtab.kit.hashing import sha256_hex
from trimtab.stores.telemetry.clickhouse.connection import Connection, Failed
from trimtab.stores.telemetry.queries import fill

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_APPLIED = """
    CREATE TABLE IF NOT EXISTS schema_migrations {on_cluster} (
        number Int64, name String, checksum String, applied_ns Int64
    ) ENGINE = {replicated}MergeTree ORDER BY number"""


class Migration(NamedTuple):
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256_hex(self.sql.encode())


def migrations() -> list[Migration]:
    """The steps this version knows, in order."""
    return sorted(
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files("trimtab.stores.telemetry.clickhouse.migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    )


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
        _check(applied, known, str(connection.place))
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


def _check(applied: dict[int, str], known: Sequence[Migration], place: str) -> None:
    newest = max((step.number for step in known), default=0)
    found = max(applied, default=0)
    if found > newest:
        raise StoreTooNew(
            "the telemetry store was written by a newer Trimtab",
            where=place,
            fix="run the version that wrote it, or a newer one",
            found=found,
            supported=newest,
        )
    for step in known:
        if applied.get(step.number, step.checksum) != step.checksum:
            raise StoreError(
                f"migration {step.number:04d}_{step.name} was applied with another text",
                where=place,
                fix="run the version that wrote this store; applied migrations are never edited",
                number=step.number,
            )
