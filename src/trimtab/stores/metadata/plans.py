"""Plans in the metadata database: versions that never change, runs, and the steps of runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, delete, func, insert, select, update

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.records import Plan, PlanRun, StepRecord
from trimtab.records.record import Record
from trimtab.stores.metadata.audit import Audit, named
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import MAX_NAME_CHARS, Heads, check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import plan_runs, plan_steps, plans
from trimtab.stores.metadata.versions import Versions

_PORTION = 500  # ids in one statement, which SQLite limits


class SQLPlans:
    """Implements `ports.PlanStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._heads = Heads(database, "plan")
        self._versions = Versions(plans, Plan, self._heads, audit)

    def add(self, plan: Plan) -> Plan:
        with self._database.write() as connection:
            latest = self._heads.lock(connection, plan.project, plan.name)
            found = self._versions.same(connection, plan, latest)
            return found or self._versions.insert(connection, plan, latest + 1)

    def get(self, project: str, ref: str) -> Plan:
        with self._database.read() as connection:
            version = self._heads.resolve(connection, project, ref)
            return self._versions.stored(connection, project, version)

    def list(self, project: str) -> list[Plan]:
        with self._database.read() as connection:
            return self._versions.newest(connection, project)

    def versions(self, project: str, name: str) -> Sequence[Plan]:
        with self._database.read() as connection:
            return self._versions.of(connection, project, name)

    def put_run(self, run: PlanRun) -> None:
        check_name(run.project, what="the project")
        check_name(run.plan_run_id, what="the id of the plan's run")
        key = {"project": run.project, "plan_run_id": run.plan_run_id}
        changing = _columns(run)
        upsert = self._database.insert(plan_runs).values({**key, **changing})
        with self._database.write() as connection:
            connection.execute(
                upsert.on_conflict_do_update(index_elements=list(key), set_=changing)
            )

    def amend(
        self,
        project: str,
        plan_run_id: str,
        change: Callable[[PlanRun], PlanRun],
        *,
        steps: Sequence[StepRecord] | None = None,
    ) -> PlanRun:
        key = {"project": project, "plan_run_id": plan_run_id}
        with self._database.write() as connection:
            body = _run_body(connection, project, plan_run_id, lock=True)
            changed = replace(change(load(body, PlanRun)), **key)
            connection.execute(update(plan_runs).filter_by(**key).values(_columns(changed)))
            if steps is not None:
                connection.execute(delete(plan_steps).filter_by(**key))
            if steps:
                rows = [{**key, "seq": n, "body": dump(one)} for n, one in enumerate(steps, 1)]
                connection.execute(insert(plan_steps), rows)
        if steps is not None:
            self._database.settle()
        return changed

    def run(self, project: str, plan_run_id: str) -> PlanRun:
        with self._database.read() as connection:
            return load(_run_body(connection, project, plan_run_id), PlanRun)

    def runs(self, project: str, *, plan: str | None = None, limit: int = 100) -> Sequence[PlanRun]:
        if limit < 0:
            raise InvalidRequest("limit is negative", where="limit", fix="ask for 0 or more")
        query = select(plan_runs.c.body).filter_by(project=project)
        if plan is not None:
            query = query.where(named(plan_runs.c.plan, plan, "@"))
        newest_first = (plan_runs.c.started_ns.desc(), plan_runs.c.plan_run_id.desc())
        with self._database.read() as connection:
            bodies = connection.execute(query.order_by(*newest_first).limit(limit)).scalars()
            return [load(body, PlanRun) for body in bodies]

    def running(self) -> Sequence[PlanRun]:
        query = select(plan_runs.c.body).filter_by(status="running")
        oldest_first = (plan_runs.c.started_ns, plan_runs.c.plan_run_id)
        with self._database.read() as connection:
            bodies = connection.execute(query.order_by(*oldest_first)).scalars()
            return [load(body, PlanRun) for body in bodies]

    def due(self, now_ns: int, *, limit: int = 20) -> Sequence[PlanRun]:
        query = select(plan_runs.c.body).where(plan_runs.c.redact_ns <= now_ns)
        with self._database.read() as connection:
            oldest = query.order_by(plan_runs.c.redact_ns, plan_runs.c.plan_run_id).limit(limit)
            return [load(body, PlanRun) for body in connection.execute(oldest).scalars()]

    def erase_runs(
        self, project: str, *, trace_ids: Collection[str] | None = None, before_ns: int | None
    ) -> Sequence[str]:
        with self._database.write() as connection:
            found = _meant(connection, project, trace_ids, before_ns)
            for start in range(0, len(found), _PORTION):
                portion = [one.plan_run_id for one in found[start : start + _PORTION]]
                for table in (plan_steps, plan_runs):
                    of_these = table.c.plan_run_id.in_(portion)
                    connection.execute(delete(table).filter_by(project=project).where(of_these))
        if found:
            self._database.settle()
        return [one.trace_id for one in found if one.trace_id is not None]

    def record(
        self, project: str, plan_run_id: str, step: StepRecord, *, owner: str | None = None
    ) -> None:
        body = dump(step)
        run = {"project": project, "plan_run_id": plan_run_id}
        last = select(func.max(plan_steps.c.seq)).filter_by(**run)
        with self._database.write() as connection:
            found = _run_body(connection, project, plan_run_id, lock=True)
            if owner is not None:
                _require_owned(load(found, PlanRun), owner)
            seq = (connection.execute(last).scalar() or 0) + 1
            connection.execute(insert(plan_steps).values(**run, seq=seq, body=body))

    def steps(self, project: str, plan_run_id: str) -> Sequence[StepRecord]:
        query = select(plan_steps.c.body).filter_by(project=project, plan_run_id=plan_run_id)
        found: dict[tuple[str, int | None], StepRecord] = {}
        with self._database.read() as connection:
            _run_body(connection, project, plan_run_id)
            for body in connection.execute(query.order_by(plan_steps.c.seq)).scalars():
                step = load(body, StepRecord)
                # A dictionary keeps the place of the first when it takes the later one.
                found[step.step, step.item] = step
        return list(found.values())


def _columns(run: PlanRun) -> dict[str, object]:
    """All of the row but its key."""
    return {
        "plan": run.plan,
        "status": run.status,
        "started_ns": run.started_ns,
        "body": dump(run),
        "redact_ns": run.redact_ns,
    }


class _Origin(Record, frozen=True, kw_only=True):
    """What says of a run's body where it is from."""

    plan_run_id: str
    started_ns: int
    trace_id: str | None
    replay_of: str | None = None


def _meant(
    connection: Connection, project: str, trace_ids: Collection[str] | None, before_ns: int | None
) -> list[_Origin]:
    """The runs that an erasure means; see `PlanStore.erase_runs`."""
    begun = (plan_runs.c.started_ns, plan_runs.c.plan_run_id)
    query = select(plan_runs.c.body).filter_by(project=project).order_by(*begun)
    if trace_ids is None:
        query = query.where(plan_runs.c.status != "running")
    if trace_ids is None and before_ns is not None:
        query = query.where(plan_runs.c.started_ns < before_ns)
    bodies = connection.execute(query).scalars()
    found: dict[str, _Origin] = {}
    for origin in (load(body, _Origin) for body in bodies):
        # A run begins after the one that it replays.
        if trace_ids is None or origin.trace_id in trace_ids or origin.replay_of in found:
            found[origin.plan_run_id] = origin
    return [one for one in found.values() if before_ns is None or one.started_ns < before_ns]


def _require_owned(run: PlanRun, owner: str) -> None:
    if run.status != "running" or run.owner != owner:
        raise Conflict(
            f"the run {run.plan_run_id} is {run.status}, executed by {run.owner or 'nobody'}",
            fix="leave it to whoever executes it",
        )


def _run_body(connection: Connection, project: str, plan_run_id: str, *, lock: bool = False) -> str:
    """Raises NotFound. Others who would lock the run wait from now on."""
    query = select(plan_runs.c.body).filter_by(project=project, plan_run_id=plan_run_id)
    body: str | None = connection.execute(query.with_for_update() if lock else query).scalar()
    if body is None:
        raise NotFound(
            f"there is no run {plan_run_id[:MAX_NAME_CHARS]!r} of a plan in project {project!r}",
            fix="list the runs of the plan for their ids",
        )
    return body
