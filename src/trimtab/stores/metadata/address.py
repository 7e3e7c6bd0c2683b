"""Where the metadata database is: a URL from the configuration to what SQLAlchemy connects to.

No connection is made here. A URL can carry a password, so no error repeats any part of it that
could be one.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from trimtab.errors import ConfigError, MissingExtra

_SQLITE = "sqlite:///"
_FIX = "write sqlite:///path/metadata.db or postgresql://user:password@host:5432/database"

# libpq's own names. A server that is gone, or a lock that is not, is an error after a while.
_POSTGRES_DEFAULTS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "30000",
    "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=300s",
    "application_name": "trimtab",
}


class Address(NamedTuple):
    """`url` is for SQLAlchemy, and secret; `place` is for people."""

    url: URL
    place: str


def parse(url: str) -> Address:
    """Read a metadata URL.

    Everything after `sqlite:///` is the path of the file, as it is: no escapes, no parameters.
    `postgresql://` takes libpq's parameters after a question mark.

    Raises:
        ConfigError: another scheme, no file, or a part that cannot be told from another.
        MissingExtra: PostgreSQL without its driver.

    >>> parse("postgresql://me:secret@db.example:5433/trimtab").place
    'postgresql://db.example:5433/trimtab'
    >>> parse("sqlite:////var/lib/trimtab/metadata.db").place
    '/var/lib/trimtab/metadata.db'
    """
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite(url)
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgresql(url)
    raise _wrong("the metadata URL is of an unknown kind")


def _sqlite(url: str) -> Address:
    path = url.removeprefix(_SQLITE)
    if path in {url, "", ":memory:"} or path.startswith("file:"):
        raise _wrong("the metadata URL names no file")
    return Address(URL.create("sqlite", database=path), path)


def _postgresql(url: str) -> Address:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _wrong("the metadata URL cannot be read") from None
    host = parsed.host or ""
    if "@" in host or "@" in (parsed.database or ""):
        raise _wrong(
            "the metadata URL has more than one @",
            fix="percent-encode the special characters of the user name and password (@ is %40)",
        )
    if not parsed.database:
        raise _wrong("the metadata URL names no database")
    try:
        import_module("psycopg")
    except ImportError:
        raise MissingExtra.named("postgres", needed_for="postgresql:// metadata URLs") from None
    given = parsed.set(drivername="postgresql+psycopg")
    defaults = {key: value for key, value in _POSTGRES_DEFAULTS.items() if key not in given.query}
    return Address(
        given.update_query_dict(defaults),
        f"postgresql://{host or 'localhost'}:{parsed.port or 5432}/{parsed.database}",
    )


def _wrong(what: str, *, fix: str = _FIX) -> ConfigError:
    return ConfigError(what, fix=fix)
