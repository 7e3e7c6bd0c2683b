"""Which projects the records are of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, func, select, union

from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import METADATA


def projects(database: Database) -> list[str]:
    """The names of all projects that any table has a row of, by name."""
    tables = [table for table in METADATA.sorted_tables if "project" in table.c]
    with database.read() as connection:
        return sorted(connection.execute(union(*map(_projects_of, tables))).scalars())


def _projects_of(table: Table) -> Select[Any]:
    """Each name once, without a look at all rows.

    Every table has an index that begins with the project: from a name, one step leads to the next.
    """
    walked = select(func.min(table.c.project).label("project")).cte(
        f"{table.name}_projects", recursive=True
    )
    following = (
        select(func.min(table.c.project))
        .where(table.c.project > walked.c.project)
        .scalar_subquery()
    )
    # None is where the walk ends.
    walked = walked.union_all(select(following).where(walked.c.project.is_not(None)))
    return select(walked.c.project).where(walked.c.project.is_not(None))
