"""Probes and their looks in the metadata database; of several processes one may look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, select, update

from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit.hashing import digest
from trimtab.records import Probe, ProbeLook
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import probe_looks, probes

_SECOND_NS = 1_000_000_000


class SQLProbes:
    """Implements `ports.ProbeStore`. What is done to one probe queues on its row."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def put(self, probe: Probe, *, by: str) -> None:
        check_name(probe.project, what="the project")
        check_name(probe.name, what="the probe's name")
        key = {"project": probe.project, "name": probe.name}
        body = dump(probe)
        # What is known of looks stays: a probe may be changed while one is made.
        upsert = self._database.insert(probes).values(**key, begun_ns=0, held_ns=0, body=body)
        with self._database.write() as connection:
            connection.execute(
                upsert.on_conflict_do_update(index_elements=list(key), set_={"body": body})
            )
            self._write_audit(connection, probe, "probe.put", by)

    def get(self, project: str, name: str) -> Probe:
        with self._database.read() as connection:
            return _stored(connection, project, name)

    def delete(self, project: str, name: str, *, by: str) -> None:
        key = {"project": project, "name": name}
        with self._database.write() as connection:
            probe = _stored(connection, project, name, lock=True)
            connection.execute(delete(probe_looks).filter_by(**key))
            connection.execute(delete(probes).filter_by(**key))
            self._write_audit(connection, probe, "probe.delete", by)

    def all(self) -> Sequence[Probe]:
        with self._database.read() as connection:
            bodies = connection.execute(select(probes.c.body)).scalars()
            found = [load(body, Probe) for body in bodies]
        return sorted(found, key=lambda probe: (probe.project, probe.name))

    def list(self, project: str) -> list[Probe]:
        query = select(probes.c.body).filter_by(project=project)
        with self._database.read() as connection:
            found = [load(body, Probe) for body in connection.execute(query).scalars()]
        return sorted(found, key=lambda probe: probe.name)

    def add_look(self, look: ProbeLook) -> None:
        check_name(look.run, what="the run of a probe's look")
        probe = {"project": look.project, "name": look.probe}
        key = {**probe, "run": look.run}
        changing = {"time_ns": look.time_ns, "body": dump(look)}
        upsert = self._database.insert(probe_looks).values({**key, **changing})
        with self._database.write() as connection:
            _stored(connection, look.project, look.probe, lock=True)
            connection.execute(
                upsert.on_conflict_do_update(index_elements=list(key), set_=changing)
            )
            connection.execute(update(probes).filter_by(**probe).values(held_ns=0))

    def looks(self, project: str, name: str, *, limit: int = 100) -> Iterator[ProbeLook]:
        if limit < 0:
            raise InvalidRequest("limit is negative", where="limit", fix="ask for 0 or more")
        query = (
            select(probe_looks.c.body)
            .filter_by(project=project, name=name)
            .order_by(probe_looks.c.time_ns.desc(), probe_looks.c.run.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            bodies = connection.execute(query).scalars().all()
        return (load(body, ProbeLook) for body in bodies)

    def claim(self, project: str, name: str, *, now_ns: int, until_ns: int) -> bool:
        key = {"project": project, "name": name}
        columns = select(probes.c.begun_ns, probes.c.held_ns, probes.c.body)
        with self._database.write() as connection:
            row = connection.execute(columns.filter_by(**key).with_for_update()).first()
            if row is None or now_ns < row.held_ns:
                return False
            every_ns = load(row.body, Probe).every_s * _SECOND_NS
            if row.begun_ns and now_ns - row.begun_ns < every_ns:
                return False
            held = update(probes).filter_by(**key).values(begun_ns=now_ns, held_ns=until_ns)
            connection.execute(held)
        return True

    def _write_audit(self, connection: Connection, probe: Probe, action: str, by: str) -> None:
        self._audit.write(
            connection,
            project=probe.project,
            action=action,
            object=probe.name,
            digest=digest(probe),
            principal=by,
        )


def _stored(connection: Connection, project: str, name: str, *, lock: bool = False) -> Probe:
    """Raises NotFound. Others who would lock the probe wait from now on."""
    query = select(probes.c.body).filter_by(project=project, name=name)
    body = connection.execute(query.with_for_update() if lock else query).scalar()
    if body is None:
        raise NotFound(
            f"there is no probe {name[:200]!r} in project {project!r}", fix="list the probes"
        )
    return load(body, Probe)
