"""Names and version numbers, shared by everything that has versions.

A head is the newest version number of one name. It is never reused, whatever is deleted. Writers of
one name queue on its head; readers find `name@version` through it.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from trimtab.errors import InvalidRequest, NotFound
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import heads

MAX_NAME_CHARS = 200
_NUMBER = re.compile("[1-9][0-9]{0,8}")
_SUGGESTED = 1000  # names looked through for one that is close


class Version(NamedTuple):
    name: str
    number: int


class Heads:
    """The heads of one noun (`prompt`, `dataset`, `release`)."""

    def __init__(self, database: Database, noun: str) -> None:
        self._database = database
        self._noun = noun

    def lock(self, connection: Connection, project: str, name: str) -> int:
        """The newest version of a name, 0 for a new one; other writers of it wait from now on.

        Raises:
            InvalidRequest: the name or the project could not be written in a reference.
        """
        check_name(project, what="the project")
        check_name(name, what=f"the {self._noun}'s name")
        row = {"project": project, "noun": self._noun, "name": name}
        connection.execute(
            self._database.insert(heads).on_conflict_do_nothing(), [{**row, "latest": 0}]
        )
        latest = select(heads.c.latest).filter_by(**row).with_for_update()
        number: int = connection.execute(latest).scalar_one()
        return number

    def advance(self, connection: Connection, project: str, version: Version) -> None:
        """Make a version the newest; the head must be locked."""
        key = {"project": project, "noun": self._noun, "name": version.name}
        connection.execute(update(heads).filter_by(**key).values(latest=version.number))

    def resolve(self, connection: Connection, project: str, ref: str) -> Version:
        """`name@3`, or `name` for the newest.

        Raises:
            InvalidRequest: what follows the @ is not a version number.
            NotFound: there is no such name or version; says which there are.
        """
        name, at, number = ref.partition("@")
        query = select(heads.c.latest).filter_by(project=project, noun=self._noun, name=name)
        latest = connection.execute(query.where(heads.c.latest > 0)).scalar()
        if latest is None:
            raise self._unknown(connection, project, name)
        if not at:
            return Version(name, latest)
        versions = f"{name}@1" if latest == 1 else f"{name}@1 to {name}@{latest}"
        if not _NUMBER.fullmatch(number):
            raise InvalidRequest(
                f"{number[:20]!r} is not a version of the {self._noun} {name!r}",
                fix=f"write {name} for the newest, or {versions}",
            )
        if int(number) > latest:
            raise NotFound(
                f"the {self._noun} {name!r} has no version {number}",
                fix=f"there is {versions}",
                latest=latest,
            )
        return Version(name, int(number))

    def _unknown(self, connection: Connection, project: str, name: str) -> NotFound:
        query = select(heads.c.name).filter_by(project=project, noun=self._noun)
        rows = connection.execute(query.where(heads.c.latest > 0).limit(_SUGGESTED))
        names = sorted(rows.scalars())
        close = get_close_matches(name[:MAX_NAME_CHARS], names, n=3)
        if close:
            fix = f"did you mean {' or '.join(close)}?"
        elif names:
            fix = f"there is {', '.join(names[:3])}{' ...' if names[3:] else ''}"
        else:
            fix = f"add the {self._noun} first"
        return NotFound(
            f"there is no {self._noun} {name[:MAX_NAME_CHARS]!r} in project {project!r}",
            fix=fix,
            known=close or names[:3],
        )


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
