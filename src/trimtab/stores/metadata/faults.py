"""Errors of the database drivers, in the words of `trimtab.errors`.

The rest of the package never sees a driver's error. What a driver says is repeated only in part,
never with the values of a statement and never with a password.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlalchemy import exc

from trimtab.errors import Conflict, InvalidRequest, NotDurable, StoreError, TrimtabError

_BUSY = (
    "the metadata database is busy",
    "try again; if it lasts, look for another process that holds it",
)


class _Fault(NamedTuple):
    kind: type[StoreError]
    what: str
    fix: str


_DISK_FULL = _Fault(
    NotDurable, "the disk of the metadata database is full", "free space, then try again"
)
_READ_ONLY = _Fault(
    NotDurable, "the metadata database is read-only", "make it writable for this user"
)
_LOCKED = _Fault(StoreError, *_BUSY)

# Primary result codes, https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _Fault(
        NotDurable, "the metadata database cannot be written", "check the disk, then try again"
    ),
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: _Fault(
        StoreError,
        "the metadata database cannot be opened",
        "check that its directory exists and belongs to this user",
    ),
    sqlite3.SQLITE_CORRUPT: _Fault(
        StoreError, "the metadata database is damaged", "restore it from a backup"
    ),
    sqlite3.SQLITE_NOTADB: _Fault(
        StoreError, "the file is not a metadata database", "name another file, or move this one"
    ),
}

# SQLSTATE codes, PostgreSQL manual, appendix A
_POSTGRESQL = {
    "53100": _DISK_FULL,
    "25006": _READ_ONLY,
    "55P03": _LOCKED,
    "40001": _LOCKED,
    "40P01": _LOCKED,
    "42501": _Fault(
        StoreError,
        "this user may not use the metadata database",
        "grant it CREATE on the schema and all rights on the tables",
    ),
}


def translate(error: Exception, *, place: str, secret: str | None) -> TrimtabError:
    """What went wrong, where, and what to do about it.

    Args:
        error: from SQLAlchemy, or from a driver that refused a Python value.
        place: the database, for people.
        secret: the password, so that it is not repeated whatever the driver says.
    """
    if isinstance(error, exc.DBAPIError):
        return _of_driver(error, place, secret)
    if isinstance(error, exc.TimeoutError):
        return StoreError(_BUSY[0], where=place, fix=_BUSY[1])
    if isinstance(error, exc.SQLAlchemyError):
        return StoreError(f"the metadata database failed: {type(error).__name__}", where=place)
    return unstorable()


def _of_driver(error: exc.DBAPIError, place: str, secret: str | None) -> TrimtabError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    state = getattr(error.orig, "sqlstate", None)
    # The low byte of an extended SQLite code is the primary one.
    known = _SQLITE.get(code & 0xFF) if code is not None else _POSTGRESQL.get(state or "")
    if known:
        return known.kind(known.what, where=place, fix=known.fix)
    if isinstance(error, exc.IntegrityError):
        return Conflict(
            "another record already has this place", where=place, fix="read it, then try again"
        )
    if isinstance(error, exc.DataError):
        return unstorable()
    said = next(iter(str(error.orig).splitlines()), "").strip()
    if secret:
        said = said.replace(secret, "***")
    return StoreError(
        f"the metadata database cannot be used: {said}",
        where=place,
        fix="check that it runs, its address, and the rights of its user",
    )


def unstorable() -> InvalidRequest:
    """For values that JSON and Python can hold and a database cannot."""
    return InvalidRequest(
        "a value cannot be stored: a number beyond 64 bits, U+0000 or half a surrogate pair",
        fix="send numbers and text the database can hold",
    )
