"""What the metadata database asks of a release before it changes one.

All of it is looked at in the transaction of the change, whose counter keeps other changes away.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from trimtab.errors import Conflict, NotFound
from trimtab.records import Release
from trimtab.records.release import ReleaseState
from trimtab.stores.metadata.rows import load
from trimtab.stores.metadata.tables import releases


def check_new(connection: Connection, release: Release) -> None:
    """Refuse a release with the id or the content of another, or that would answer beside one."""
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
            fix=f"use {existing.ref}, or change something of it",
            release_id=existing.release_id,
        )
    live = other(connection, release, "live") if release.state == "live" else None
    if live is not None:
        raise Conflict(
            f"{live.ref} is live, and a route has one live release",
            fix="add the release as a candidate and promote it",
            release_id=live.release_id,
        )
    for environment in release.live_in:
        require_placed(connection, release, environment, "")


def require_live(connection: Connection, release: Release, expected_id: str) -> None:
    live = other(connection, release, "live")
    if (live.release_id if live else "") != expected_id:
        raise Conflict(
            f"another release of {release.route!r} went live meanwhile",
            fix="compare with the one that is live now, and decide again",
        )


def require_placed(
    connection: Connection, release: Release, environment: str, expected_id: str
) -> None:
    holder = placed(connection, release, environment)
    if (holder.release_id if holder else "") != expected_id:
        raise Conflict(
            f"{holder.ref if holder else 'no release'} answers in {environment!r} of"
            f" {release.route!r}, not what this was decided against",
            where="environment",
            fix="look at what answers there now, and decide again",
            release_id=holder.release_id if holder else None,
        )


def require_state(release: Release, among: Collection[ReleaseState]) -> None:
    if release.state not in among:
        raise Conflict(
            f"{release.ref} is {release.state}, not {' or '.join(sorted(among))}",
            fix="look at it again, and decide again",
            state=release.state,
        )


def require_only_canary(connection: Connection, release: Release) -> None:
    canary = other(connection, release, "canary")
    if canary is not None:
        raise Conflict(
            f"{canary.ref} is the canary of {release.route!r}, and a route has one",
            fix=f"end it or promote it first: trimtab releases canary {canary.ref} --stop",
            release_id=canary.release_id,
        )


def other(connection: Connection, release: Release, state: ReleaseState) -> Release | None:
    """The release of the same route in a state that one release has, other than this one."""
    query = select(releases.c.body).filter_by(
        project=release.project, route=release.route, state=state
    )
    others = query.where(releases.c.release_id != release.release_id)
    body = connection.execute(others).scalar()
    return None if body is None else load(body, Release)


def placed(connection: Connection, release: Release, environment: str) -> Release | None:
    """The release of the same route that answers in an environment; a retired one never does."""
    query = select(releases.c.body).filter_by(project=release.project, route=release.route)
    bodies = connection.execute(query.where(releases.c.state != "retired")).scalars()
    found = (load(body, Release) for body in bodies)
    return next((one for one in found if environment in one.live_in), None)


def unknown(project: str, ref: str) -> NotFound:
    return NotFound(
        f"there is no release {ref!r} in project {project!r}",
        fix="name a release_id, or route@version; list the releases for both",
    )
