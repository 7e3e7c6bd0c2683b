"""Releases in the metadata database: content that never changes, a state that does.

Every change bumps one counter first, in its transaction, so changes to releases happen one after
another.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from msgspec.structs import replace
from sqlalchemy import Connection, insert, select, update

from trimtab.errors import Conflict
from trimtab.records import Approval, Release
from trimtab.records.release import ReleaseState
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.counter import Counter
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version, check_name
from trimtab.stores.metadata.release_rules import (
    check_new,
    other,
    placed,
    require_live,
    require_only_canary,
    require_placed,
    require_state,
    unknown,
)
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
            check_new(connection, release)
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
            self._write_audit(connection, added, "release.add", principal=added.author)
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
            raise unknown(project, ref)
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
            release = _stored(connection, project, release_id)
            canary = approval if state == "canary" else None
            changed = replace(
                release,
                state=state,
                share=canary and canary.share,
                segment=canary and canary.segment,
                watch=canary and canary.watch,
                live_in=() if state == "retired" else release.live_in,
            )
            if among is not None:
                require_state(release, among)
            if over is not None:
                require_live(connection, changed, over)
            if state == "canary":
                require_only_canary(connection, changed)
            if state == "live":
                self._retire_former(connection, changed, approval)
            if ends_canary:
                self._end_canary(connection, changed, approval)
            return self._append(connection, changed, approval)

    def place(
        self,
        project: str,
        release_id: str,
        approval: Approval,
        *,
        over: str | None = None,
        withdraw: bool = False,
    ) -> Release:
        environment = approval.environment or ""
        check_name(environment, what="the environment")
        with self._database.write() as connection:
            self._changes.bump(connection)
            release = _stored(connection, project, release_id)
            if over is not None:
                require_placed(connection, release, environment, over)
            if withdraw:
                require_placed(connection, release, environment, release_id)
                return self._append(connection, _without(release, environment), approval)
            back = approval.action == "roll_back"
            if release.state == "retired" and not back:
                raise Conflict(
                    f"{release.ref} is retired", fix="place another release, or promote it first"
                )
            self._withdraw_former(connection, release, environment, approval)
            live_in = tuple(sorted({*release.live_in, environment}))
            state: ReleaseState = "candidate" if release.state == "retired" else release.state
            return self._append(
                connection, replace(release, live_in=live_in, state=state), approval
            )

    def note(self, project: str, release_id: str, approval: Approval) -> Release:
        with self._database.write() as connection:
            self._changes.bump(connection)
            return self._append(connection, _stored(connection, project, release_id), approval)

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
        """The live release is replaced; where it still answers in environments it goes on."""
        former = other(connection, successor, "live")
        if former is None:
            return
        goes_on = bool(former.live_in)
        end = Approval(
            principal=approval.principal,
            time_ns=approval.time_ns,
            action="withdraw" if goes_on else "retire",
            reason=f"replaced by {successor.ref}",
        )
        state: ReleaseState = "candidate" if goes_on else "retired"
        self._append(connection, replace(former, state=state), end)

    def _withdraw_former(
        self, connection: Connection, successor: Release, environment: str, approval: Approval
    ) -> None:
        former = placed(connection, successor, environment)
        if former is None or former.release_id == successor.release_id:
            return
        end = Approval(
            principal=approval.principal,
            time_ns=approval.time_ns,
            action="withdraw",
            reason=f"replaced by {successor.ref}",
            environment=environment,
        )
        self._append(connection, _without(former, environment), end)

    def _end_canary(self, connection: Connection, successor: Release, approval: Approval) -> None:
        canary = other(connection, successor, "canary")
        if canary is None:
            return
        end = Approval(
            principal=approval.principal,
            time_ns=approval.time_ns,
            action="end_canary",
            reason=f"the route went to {successor.ref}",
        )
        ended = replace(canary, state="candidate", share=None, segment=None, watch=None)
        self._append(connection, ended, end)

    def _append(self, connection: Connection, release: Release, approval: Approval) -> Release:
        """Store a release with an approval more."""
        changed = replace(release, approvals=(*release.approvals, approval))
        self._change(connection, changed, approval)
        return changed

    def _change(self, connection: Connection, release: Release, approval: Approval) -> None:
        key = {"project": release.project, "release_id": release.release_id}
        connection.execute(update(releases).filter_by(**key).values(**_life(release)))
        self._write_audit(
            connection, release, f"release.{approval.action}", principal=approval.principal
        )

    def _write_audit(
        self, connection: Connection, release: Release, action: str, principal: str | None
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


def _stored(connection: Connection, project: str, release_id: str) -> Release:
    query = select(releases.c.body).filter_by(project=project, release_id=release_id)
    body = connection.execute(query).scalar()
    if body is None:
        raise unknown(project, release_id)
    return load(body, Release)


def _without(release: Release, environment: str) -> Release:
    return replace(release, live_in=tuple(one for one in release.live_in if one != environment))


def _life(release: Release) -> _Life:
    return {"state": release.state, "body": dump(release)}
