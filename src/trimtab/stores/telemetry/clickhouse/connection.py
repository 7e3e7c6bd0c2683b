"""A connection to ClickHouse over HTTP, and its errors in our words.

Any number of threads use one connection. The password is in no error, log or repr.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from trimtab.errors import ConfigError, MissingExtra, NotDurable, StoreError
from trimtab.stores.telemetry.clickhouse.dialect import transpiled
from trimtab.stores.telemetry.queries import Query
from trimtab.stores.telemetry.rows import Row

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_SETTINGS = {
    # A name means the column, not what a query calls its answer: as everywhere else in SQL.
    "prefer_column_name_to_alias": 1,
    # What is deleted or priced anew is so when the statement returns.
    "lightweight_deletes_sync": 2,
    "mutations_sync": 2,
}
_CONNECT_S = 10
_ANSWER_S = 120
_CODE = re.compile(
    r"Code: (\d+)\. DB::(?:\w*Exception): (?:Code: \d+\. DB::Exception: )?(.*)", re.DOTALL
)
_URL = re.compile(r"\s*\((?:for url|version) [^)]*\)?")
# Codes of errors that lie in the values of a row or in the text of a query.
TIMEOUT, MEMORY, TOO_MUCH = 159, 241, 396
_UNFIT = 53
_OF_DATA = frozenset({6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 349, 441, 457})


class Failed(Exception):
    """ClickHouse refused a statement, or could not be reached; `code` is ClickHouse's, or 0."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    @property
    def of_data(self) -> bool:
        """Whether the same would fail again whatever is done about the database."""
        return self.code in _OF_DATA


class Place(NamedTuple):
    """Where a database is, and who asks."""

    host: str
    port: int
    database: str
    user: str
    password: str
    secure: bool
    cluster: str

    @classmethod
    def of(cls, url: str) -> Place:
        """From `clickhouse://user:password@host:8123/database?secure=1&cluster=name`.

        Raises ConfigError when it is not such a URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            options = dict(option.split("=", 1) for option in parts.query.split("&") if option)
        except ValueError:
            raise _misread("its port is not a number, or its options are not name=value") from None
        if parts.scheme != "clickhouse" or not parts.hostname:
            raise _misread("it does not start with clickhouse:// and a host")
        if unknown := options.keys() - {"secure", "cluster"}:
            raise _misread(f"there is no option {min(unknown)!r}; there are secure and cluster")
        secure = options.get("secure", "") in {"1", "true"}
        cluster = options.get("cluster", "")
        if cluster and not re.fullmatch(r"\w+", cluster):
            raise _misread("the name of a cluster is letters, digits and underscores")
        return cls(
            host=parts.hostname,
            port=port or (8443 if secure else 8123),
            database=unquote(parts.path.strip("/")) or "default",
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
            cluster=cluster,
        )

    def __str__(self) -> str:
        return f"clickhouse://{self.host}:{self.port}/{self.database}"

    def __repr__(self) -> str:
        return f"Place({self})"


class Connection:
    """Statements on one database."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._client: Client | None = _connected(place)

    def fetch(self, query: Query, settings: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows that answer a query in DuckDB's dialect."""
        statement = transpiled(query)
        return self.ask(statement.sql, statement.parameters, settings).rows

    def ask(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The answer to a statement in ClickHouse's dialect. Raises Failed."""
        with self._failures() as client:
            result = client.query(
                sql,
                parameters=dict(parameters) if parameters else None,
                settings=dict(settings or {}),
            )
            types = [str(column.name) for column in result.column_types]
            return Answer(
                list(result.column_names), types, [tuple(row) for row in result.result_rows]
            )

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """A statement without an answer. Raises Failed."""
        with self._failures() as client:
            # Not `command`, which would put long lists into the address.
            client.raw_query(sql, parameters=dict(parameters) if parameters else None)

    def insert(self, table: str, columns: Sequence[str], cells: Sequence[Row]) -> None:
        """Rows as one block, on disk when this returns. Raises Failed."""
        if not cells:
            return
        with self._failures() as client:
            client.insert(table, cells, column_names=list(columns), settings=_INSERT)

    def stream(self, sql: str, form: str) -> Iterable[bytes]:
        """The answer to a statement as a file of this format, piece by piece. Raises Failed."""
        with self._failures() as client, client.raw_stream(sql, fmt=form) as stream:
            yield from stream

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def unreadable(self, failed: Failed) -> StoreError:
        return StoreError(
            f"telemetry cannot be read: {failed.reason}",
            where=str(self.place),
            fix="check that ClickHouse is up and reachable, then try again",
        )

    def not_durable(self, reason: str) -> NotDurable:
        return NotDurable(
            f"telemetry cannot be written: {reason}",
            where=str(self.place),
            fix="check that ClickHouse is up and has disk space; later writes will work",
        )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Itself, for the queries of one call; raises StoreError where those fail."""
        try:
            yield self
        except Failed as failed:
            raise self.unreadable(failed) from failed

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Itself, for the statements of one call; raises NotDurable where those fail."""
        try:
            yield self
        except Failed as failed:
            raise self.not_durable(failed.reason) from failed

    @contextlib.contextmanager
    def _failures(self) -> Iterator[Client]:
        if self._client is None:
            raise StoreError("the telemetry store is closed", where=str(self.place))
        with _translated():
            yield self._client


class Answer(NamedTuple):
    columns: list[str]
    types: list[str]
    rows: list[Row]


# One request of ours is a group of appends already; what ClickHouse would wait for is not coming.
_INSERT = {"async_insert": 0, "max_partitions_per_insert_block": 0}


def _connected(place: Place) -> Client:
    try:
        import clickhouse_connect
    except ImportError:
        raise MissingExtra.named("clickhouse", needed_for="clickhouse:// telemetry URLs") from None
    try:
        with _translated():
            return clickhouse_connect.get_client(
                host=place.host,
                port=place.port,
                username=place.user,
                password=place.password,
                database=place.database,
                secure=place.secure,
                settings=_SETTINGS,
                connect_timeout=_CONNECT_S,
                send_receive_timeout=_ANSWER_S,
                autogenerate_session_id=False,
                form_encode_query_params=True,  # long lists do not fit into an address
                query_limit=0,
                client_name="trimtab",
            )
    except Failed as failed:
        raise StoreError(
            f"the telemetry store cannot be opened: {failed.reason}",
            where=str(place),
            fix="check the address, the user, the password and that the database exists",
        ) from failed


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from clickhouse_connect.driver import exceptions

    try:
        yield
    except exceptions.Error as error:
        found = _CODE.search(str(error))
        code = int(found[1]) if found else 0
        said = found[2] if found else str(error)
        reason = _URL.sub("", said).strip().splitlines()
        raise Failed(code, (reason or [type(error).__name__])[0][:300]) from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        # The client's own words for a value that does not fit its column.
        raise Failed(_UNFIT, type(error).__name__) from None


def _misread(why: str) -> ConfigError:
    return ConfigError(
        f"the telemetry URL cannot be used: {why}",
        where="telemetry_url",
        fix="write clickhouse://user:password@host:8123/database",
    )
