"""Names and version numbers, shared by everything that has versions.

A head is the newest version number of one name. It is never reused, whatever is deleted. Writers of
one name queue on its head; readers find `name@version` through it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from sqlalchemy import Connection, Table, bindparam, select, update

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import heads

MAX_NAME_CHARS = 200
_NUMBER = re.compile("[1-9][0-9]{0,8}")
_SUGGESTED = 1000  # names looked through for one that is close
_SHOWN = 3  # labels named in an error
# Built once: every reference that is read asks it, and building it takes as long as running it.
_LATEST = (
    select(heads.c.latest)
    .filter_by(project=bindparam("project"), noun=bindparam("noun"), name=bindparam("name"))
    .where(heads.c.latest > 0)
)


class Version(NamedTuple):
    name: str
    number: int


Labels = Callable[[Connection, str, str], Mapping[str, int]]
"""The labels of a name in a project, and the version that each points to."""


class Heads:
    """The heads of one noun (`prompt`, `dataset`, `release`); `labels` are those of its names."""

    def __init__(self, database: Database, noun: str, labels: Labels | None = None) -> None:
        self._database = database
        self.noun = noun
        self._labels = labels

    def lock(self, connection: Connection, project: str, name: str) -> int:
        """The newest version of a name, 0 for a new one; other writers of it wait from now on.

        Raises:
            InvalidRequest: the name or the project could not be written in a reference.
        """
        check_name(project, what="the project")
        check_name(name, what=f"the {self.noun}'s name")
        row = {"project": project, "noun": self.noun, "name": name}
        connection.execute(
            self._database.insert(heads).on_conflict_do_nothing(), [{**row, "latest": 0}]
        )
        latest = select(heads.c.latest).filter_by(**row).with_for_update()
        number: int = connection.execute(latest).scalar_one()
        return number

    def advance(self, connection: Connection, project: str, version: Version) -> None:
        """Make a version the newest; the head must be locked."""
        key = {"project": project, "noun": self.noun, "name": version.name}
        connection.execute(update(heads).filter_by(**key).values(latest=version.number))

    def latest(self, connection: Connection, project: str, name: str) -> int:
        """The newest version of a name. Raises NotFound."""
        key = {"project": project, "noun": self.noun, "name": name}
        latest: int | None = connection.execute(_LATEST, key).scalar()
        if latest is None:
            raise self.unknown(connection, project, name)
        return latest

    def newest(self, connection: Connection, table: Table, project: str) -> Iterable[str]:
        """The body of the newest version of each name, from the table of the versions."""
        query = (
            select(table.c.body)
            .join(
                heads,
                (heads.c.project == table.c.project)
                & (heads.c.name == table.c.name)
                & (heads.c.latest == table.c.version),
            )
            .where(heads.c.noun == self.noun, table.c.project == project)
        )
        return connection.execute(query).scalars()

    def require_revision(self, name: str, revision: int, over: int | None) -> None:
        """Raises Conflict when a name, at a revision or at 0 for none, is not where `over` says."""
        if over is not None and over != revision:
            state = f"is at revision {revision}" if revision else "does not exist"
            raise Conflict(
                f"the {self.noun} {name!r} {state}, not at {over}",
                where="revision",
                fix="read it, and decide again",
                revision=revision,
            )

    def resolve(self, connection: Connection, project: str, ref: str) -> Version:
        """`name@3`, `name@label` where names have labels, or `name` for the newest.

        Raises:
            InvalidRequest: what follows the @ is not a version number, nor could be a label.
            NotFound: there is no such name, version or label; says which there are.
        """
        name, at, said = ref.partition("@")
        latest = self.latest(connection, project, name)
        if not at:
            return Version(name, latest)
        if not _NUMBER.fullmatch(said):
            return self._labelled(connection, project, name, said, latest)
        if int(said) > latest:
            raise NotFound(
                f"the {self.noun} {name!r} has no version {said}",
                fix=f"there is {_versions(name, latest)}",
                latest=latest,
            )
        return Version(name, int(said))

    def _labelled(
        self, connection: Connection, project: str, name: str, label: str, latest: int
    ) -> Version:
        versions = _versions(name, latest)
        if self._labels is None:
            raise InvalidRequest(
                f"{label[:20]!r} is not a version of the {self.noun} {name!r}",
                fix=f"write {name} for the newest, or {versions}",
            )
        known = self._labels(connection, project, name)
        if label in known:
            return Version(name, known[label])
        some = [f"{name}@{one}" for one in sorted(known)[:_SHOWN]]
        more = " ..." if len(known) > _SHOWN else ""
        raise NotFound(
            f"{label[:20]!r} is neither a version nor a label of the {self.noun} {name!r}",
            fix=f"write {name} for the newest, {versions}"
            + (f", or {', '.join(some)}{more}" if some else "; it has no labels"),
            latest=latest,
            labels=sorted(known),
        )

    def unknown(self, connection: Connection, project: str, name: str) -> NotFound:
        """The error for a name that is not there, with names that are."""
        query = select(heads.c.name).filter_by(project=project, noun=self.noun)
        rows = connection.execute(query.where(heads.c.latest > 0).limit(_SUGGESTED))
        names = sorted(rows.scalars())
        close = get_close_matches(name[:MAX_NAME_CHARS], names, n=3)
        if close:
            fix = f"did you mean {' or '.join(close)}?"
        elif names:
            fix = f"there is {', '.join(names[:3])}{' ...' if names[3:] else ''}"
        else:
            fix = f"add the {self.noun} first"
        return NotFound(
            f"there is no {self.noun} {name[:MAX_NAME_CHARS]!r} in project {project!r}",
            fix=fix,
            known=close or names[:3],
        )


def _versions(name: str, latest: int) -> str:
    return f"{name}@1" if latest == 1 else f"{name}@1 to {name}@{latest}"


def check_name(name: str, *, what: str) -> None:
    """Refuse what could not be written in a reference or stored on every engine.

    >>> check_name("docs@2", what="the prompt's name")
    Traceback (most recent call last):
    trimtab.errors.InvalidRequest: the prompt's name cannot contain '@'; choose a name without it
    """
    if not name.strip():
        raise InvalidRequest(f"{what} is empty", fix="choose a name")
    if len(name) > MAX_NAME_CHARS:
        raise InvalidRequest(
            f"{what} has {len(name)} characters", fix=f"use at most {MAX_NAME_CHARS}"
        )
    for character in name:
        if character == "@" or not (character.isprintable()):
            raise InvalidRequest(
                f"{what} cannot contain {character!a}", fix="choose a name without it"
            )
