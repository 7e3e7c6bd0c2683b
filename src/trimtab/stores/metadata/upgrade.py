"""Brings the database to the schema this version knows, when it opens it.

alembic runs the steps of `migrations/`, all of them in one transaction under a lock, so that
several processes may start at once and none ever sees half a schema. It is imported only when there
is a step to run. A database from a newer version is left as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, func, inspect, select, table

from trimtab.errors import StoreTooNew
from trimtab.stores.metadata.address import parse
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import METADATA, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

HEAD = "0008"
"""The newest step in `migrations/versions`, known without importing alembic."""

_LOCK = 0x7472696D746162  # "trimtab", the key of an advisory lock
_MIGRATIONS = Path(__file__).with_name("migrations")


def opened(url: str) -> Database:
    """A database with the newest schema.

    Raises:
        ConfigError: the URL cannot be used.
        MissingExtra: PostgreSQL without its driver.
        StoreTooNew, StoreError: as `upgrade`; nothing is left open.
    """
    database = Database(parse(url))
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return database


def upgrade(database: Database) -> None:
    """Run the steps that are missing; none when the schema is the newest.

    Raises:
        StoreTooNew: the schema is from a version of Trimtab that this one does not know.
        StoreError: the database cannot be reached or changed.
    """
    if stored_revision(database) == HEAD:
        return
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        _run_steps(connection, database.place)


def stored_revision(database: Database) -> str | None:
    """The revision of the schema in the database; None when there is no schema."""
    with database.read() as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        version = table(VERSION_TABLE, column("version_num"))
        return connection.execute(select(version.c.version_num)).scalar()


def steps() -> ScriptDirectory:
    """The steps as alembic reads them."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(_MIGRATIONS)


def _run_steps(connection: Connection, place: str) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    script = steps()
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "target_metadata": METADATA}
    )
    current = context.get_current_revision()
    known = {step.revision for step in script.walk_revisions()}
    if current is not None and current not in known:
        raise StoreTooNew(
            f"the metadata database has schema {current}; this version knows up to {HEAD}",
            where=place,
            fix="run the version of Trimtab that wrote it, or a newer one",
            found=current,
            supported=HEAD,
        )
    with Operations.context(context):
        for step in reversed(list(script.iterate_revisions("head", current or "base"))):
            step.module.upgrade()
            context.stamp(script, step.revision)
