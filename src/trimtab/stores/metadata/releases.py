"""Releases in the metadata database: content that never changes, a state that does.

Every change bumps one counter first, in its transaction, so changes to releases happen one after
another.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from msgspec.structs import replace
from sqlalchemy import Connection, insert, select, update

from trimtab.errors import Conflict, NotFound
from trimtab.records import Approval, Release
from trimtab.records.release import ReleaseState
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.counter import Counter
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version, check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import releases


class SQLReleases:
    """Implements `ports.ReleaseStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._heads = Heads(database, "release")
        self._changes = Counter(database, "releases")

    def add(self, release: Release) -> Release:
        check_name(release.release_id, what="the release's id")
        with self._database.write() as connection:
            self._changes.bump(connection)
            latest = self._heads.lock(connection, release.project, release.route)
            _check_new(connection, release)
            added = replace(release, version=latest + 1)
            connection.execute(
                insert(releases).values(
                    project=added.project,
                    release_id=added.release_id,
                    route=added.route,
                    version=added.version,
                    digest=added.digest,
                    created_ns=added.created_ns,
                    **_life(added),
                )
            )
            self._heads.advance(connection, added.project, Version(added.route, added.version))
            self._write_audit(connection, added, "release.add")
        return added

    def get(self, project: str, ref: str) -> Release:
        query = select(releases.c.body).filter_by(project=project)
        with self._database.read() as connection:
            if "@" in ref:
                version = self._heads.resolve(connection, project, ref)
                query = query.filter_by(route=version.name, version=version.number)
            else:
                query = query.filter_by(release_id=ref)
            body = connection.execute(query).scalar()
        if body is None:
            raise _unknown(project, ref)
        return load(body, Release)

    def live(self) -> list[Release]:
        query = select(releases.c.body).filter_by(state="live")
        with self._database.read() as connection:
            found = [load(body, Release) for body in connection.execute(query).scalars()]
        return sorted(found, key=lambda release: (release.project, release.route))

    def transition(
        self,
        project: str,
        release_id: str,
        state: ReleaseState,
        approval: Approval,
        *,
        over: str | None = None,
        among: Collection[ReleaseState] | None = None,
        ends_canary: bool = False,
    ) -> Release:
        with self._database.write() as connection:
            self._changes.bump(connection)
            query = select(releases.c.body).filter_by(project=project, release_id=release_id)
            body = connection.execute(query).scalar()
            if body is None:
                raise _unknown(project, release_id)
            release = load(body, Release)
            changed = replace(
                release,
                state=state,
                share=approval.share if state == "canary" else None,
                approvals=(*release.approvals, approval),
            )
            if among is not None:
                _require_state(release, among)
            if over is not None:
                _require_live(connection, changed, over)
            if state == "canary":
                _require_only_canary(connection, changed)
            if state == "live":
                self._retire_former(connection, changed, approval)
            if ends_canary:
                self._end_canary(connection, changed, approval)
            self._change(connection, changed, approval)
        return changed

    def revision(self) -> int:
        return self._changes.value()

    def list(self, project: str | None = None, route: str | None = None) -> list[Release]:
        query = select(releases.c.body).order_by(
            releases.c.created_ns.desc(), releases.c.version.desc(), releases.c.release_id.desc()
        )
        if project is not None:
            query = query.filter_by(project=project)
        if route is not None:
            query = query.filter_by(route=route)
        with self._database.read() as connection:
            return [load(body, Release) for body in connection.execute(query).scalars()]

    def _retire_former(
        self, connection: Connection, successor: Release, approval: Approval
    ) -> None:
        former = _other(connection, successor, "live")
        if former is None:
            return
        retirement = Approval(
            principal=approval.principal,
            time_ns=approval.time_ns,
            action="retire",
            reason=f"replaced by {successor.ref}",
        )
        retired = replace(former, state="retired", approvals=(*former.approvals, retirement))
        self._change(connection, retired, retirement)

    def _end_canary(self, connection: Connection, successor: Release, approval: Approval) -> None:
        canary = _other(connection, successor, "canary")
        if canary is None:
            return
        end = Approval(
            principal=approval.principal,
            time_ns=approval.time_ns,
            action="end_canary",
            reason=f"the route went to {successor.ref}",
        )
        approvals = (*canary.approvals, end)
        ended = replace(canary, state="candidate", share=None, approvals=approvals)
        self._change(connection, ended, end)

    def _change(self, connection: Connection, release: Release, approval: Approval) -> None:
        key = {"project": release.project, "release_id": release.release_id}
        connection.execute(update(releases).filter_by(**key).values(**_life(release)))
        self._write_audit(
            connection, release, f"release.{approval.action}", principal=approval.principal
        )

    def _write_audit(
        self, connection: Connection, release: Release, action: str, principal: str | None = None
    ) -> None:
        self._audit.write(
            connection,
            project=release.project,
            action=action,
            object=release.ref,
            digest=release.digest,
            principal=principal,
        )


class _Life(TypedDict):
    """The columns that change while a release lives."""

    state: str
    body: str


def _life(release: Release) -> _Life:
    return {"state": release.state, "body": dump(release)}


def _check_new(connection: Connection, release: Release) -> None:
    """Refuse a second release with the same id, the same content, or a second live one."""
    here = select(releases.c.body).filter_by(project=release.project)
    if connection.execute(here.filter_by(release_id=release.release_id)).first():
        raise Conflict(
            f"the release {release.release_id!r} exists already", fix="use a new release_id"
        )
    same = here.filter_by(route=release.route, digest=release.digest)
    twin = connection.execute(same.where(releases.c.state != "retired")).scalar()
    if twin is not None:
        existing = load(twin, Release)
        raise Conflict(
            f"{existing.ref} has the same content and is {existing.state}",
            fix=f"use {existing.ref}, or retire it first",
            release_id=existing.release_id,
        )
    live = _other(connection, release, "live") if release.state == "live" else None
    if live is not None:
        raise Conflict(
            f"{live.ref} is live, and a route has one live release",
            fix="add the release as a candidate and promote it",
            release_id=live.release_id,
        )


def _require_live(connection: Connection, release: Release, expected_id: str) -> None:
    live = _other(connection, release, "live")
    if (live.release_id if live else "") != expected_id:
        raise Conflict(
            f"another release of {release.route!r} went live meanwhile",
            fix="compare with the one that is live now, and decide again",
        )


def _require_state(release: Release, among: Collection[ReleaseState]) -> None:
    if release.state not in among:
        raise Conflict(
            f"{release.ref} is {release.state}, not {' or '.join(sorted(among))}",
            fix="look at it again, and decide again",
            state=release.state,
        )


def _require_only_canary(connection: Connection, release: Release) -> None:
    canary = _other(connection, release, "canary")
    if canary is not None:
        raise Conflict(
            f"{canary.ref} is the canary of {release.route!r}, and a route has one",
            fix=f"end it or promote it first: trimtab releases canary {canary.ref} --stop",
            release_id=canary.release_id,
        )


def _other(connection: Connection, release: Release, state: ReleaseState) -> Release | None:
    """The release of the same route in a state that one release has, other than this one."""
    query = select(releases.c.body).filter_by(
        project=release.project, route=release.route, state=state
    )
    others = query.where(releases.c.release_id != release.release_id)
    body = connection.execute(others).scalar()
    return None if body is None else load(body, Release)


def _unknown(project: str, ref: str) -> NotFound:
    return NotFound(
        f"there is no release {ref!r} in project {project!r}",
        fix="name a release_id, or route@version; list the releases for both",
    )
