"""Runs in the metadata database: written again and again while they progress, with results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from trimtab.errors import InvalidRequest, NotFound
from trimtab.records import Result, Run
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import MAX_NAME_CHARS, check_name
from trimtab.stores.metadata.results import StoredResults, insert_chunks, packed
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
        changing = {
            "status": run.status,
            "started_ns": run.started_ns,
            "name": run.name,
            "suite": run.suite,
            "body": dump(run),
        }
        upsert = (
            self._database.insert(runs)
            .values({**key, **changing})
            .on_conflict_do_update(index_elements=list(key), set_=changing)
        )
        with self._database.write() as connection:
            connection.execute(upsert)

    def get(self, project: str, run_id: str) -> Run:
        with self._database.read() as connection:
            return load(_body(connection, project, run_id), Run)

    def running(self) -> list[Run]:
        query = (
            select(runs.c.body)
            .filter_by(status="running")
            .order_by(runs.c.started_ns, runs.c.run_id)
        )
        with self._database.read() as connection:
            return [load(body, Run) for body in connection.execute(query).scalars()]

    def list(
        self, project: str, *, limit: int = 100, suite: str | None = None, name: str | None = None
    ) -> list[Run]:
        if limit < 0:
            raise InvalidRequest("limit is negative", where="limit", fix="ask for 0 or more")
        query = select(runs.c.body).filter_by(project=project)
        if suite is not None:
            query = query.filter_by(suite=suite)
        if name is not None:
            query = query.filter_by(name=name)
        newest_first = (runs.c.started_ns.desc(), runs.c.run_id.desc())
        with self._database.read() as connection:
            bodies = connection.execute(query.order_by(*newest_first).limit(limit)).scalars()
            return [load(body, Run) for body in bodies]

    def append(self, project: str, run_id: str, results: Sequence[Result]) -> None:
        # Encoded before the transaction, which other writers wait for.
        chunks = packed(results)
        with self._database.write() as connection:
            _body(connection, project, run_id, lock=True)
            if chunks:
                insert_chunks(connection, project, run_id, chunks)

    def results(self, project: str, run_id: str) -> Iterator[Result]:
        with self._database.read() as connection:
            _body(connection, project, run_id)
            return StoredResults(self._database, connection, project, run_id).current()

    def page(
        self, project: str, run_id: str, *, start: int = 0, size: int
    ) -> tuple[Sequence[Result], int | None]:
        with self._database.read() as connection:
            _body(connection, project, run_id)
            stored = StoredResults(self._database, connection, project, run_id)
        return stored.page(start, size)


def _body(connection: Connection, project: str, run_id: str, *, lock: bool = False) -> str:
    """Raises NotFound. Others who would lock the run wait from now on."""
    query = select(runs.c.body).filter_by(project=project, run_id=run_id)
    body: str | None = connection.execute(query.with_for_update() if lock else query).scalar()
    if body is None:
        raise NotFound(
            f"there is no run {run_id[:MAX_NAME_CHARS]!r} in project {project!r}",
            fix="list the runs for their ids",
        )
    return body
