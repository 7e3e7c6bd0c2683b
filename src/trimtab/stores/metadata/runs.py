"""Runs in the metadata database: written again and again while they progress."""

from __future__ import annotations

from sqlalchemy import select

from trimtab.errors import InvalidRequest, NotFound
from trimtab.records import Run
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import runs


class SQLRuns:
    """Implements `ports.RunStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, run: Run) -> None:
        check_name(run.project, what="the project")
        check_name(run.run_id, what="the run's id")
        key = {"project": run.project, "run_id": run.run_id}
        changing = {"status": run.status, "started_ns": run.started_ns, "body": dump(run)}
        upsert = (
            self._database.insert(runs)
            .values({**key, **changing})
            .on_conflict_do_update(index_elements=list(key), set_=changing)
        )
        with self._database.write() as connection:
            connection.execute(upsert)

    def get(self, project: str, run_id: str) -> Run:
        query = select(runs.c.body).filter_by(project=project, run_id=run_id)
        with self._database.read() as connection:
            body = connection.execute(query).scalar()
        if body is None:
            raise NotFound(
                f"there is no run {run_id!r} in project {project!r}",
                fix="list the runs for their ids",
            )
        return load(body, Run)

    def running(self) -> list[Run]:
        query = (
            select(runs.c.body)
            .filter_by(status="running")
            .order_by(runs.c.started_ns, runs.c.run_id)
        )
        with self._database.read() as connection:
            return [load(body, Run) for body in connection.execute(query).scalars()]

    def list(self, project: str, *, limit: int = 100) -> list[Run]:
        if limit < 0:
            raise InvalidRequest("limit is negative", where="limit", fix="ask for 0 or more")
        query = (
            select(runs.c.body)
            .filter_by(project=project)
            .order_by(runs.c.started_ns.desc(), runs.c.run_id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [load(body, Run) for body in connection.execute(query).scalars()]
