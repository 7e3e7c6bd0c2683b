"""Client: a running Trimtab from Python, over HTTP, with the standard library only.

Calls go in, plain JSON values come out; errors come back as the errors the server raised. It
imports nothing of the server.
"""

from __future__ import annotations

import http.client
import selectors
import socket
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import msgspec

from trimtab import errors
from trimtab.kit import jsonx, sse

DEFAULT_URL = "http://127.0.0.1:8321"
_CHUNK_BYTES = 1 << 16
_PAGE_ROWS = 5_000
_PIECE_ROWS = 5_000
_PIECE_BYTES = 4 << 20


def api_path(*parts: str) -> str:
    """A path of the management API, its parts percent-encoded.

    >>> api_path("releases", "docs assistant@2", "promote")
    '/api/v1/releases/docs%20assistant@2/promote'
    """
    return "/".join(["/api/v1", *(quote(part, safe="@") for part in parts)])


class Client:
    """Talks to one server over kept connections; safe to share between threads.

    Use it as a context manager, or `close` it, to end the connections; they end with it anyway.

    Args:
        url: where the server listens.
        key: sent as a bearer token; not needed in local mode.
        timeout_s: for each read and write on the connection.
    Raises:
        InvalidRequest: the URL or the key cannot be one.

    >>> Client("http://127.0.0.1:8321").url
    'http://127.0.0.1:8321'
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = 60.0
    ) -> None:
        self._parts = _server(url)
        self.url = url.rstrip("/")
        self.key = key
        self._headers = {"accept": "application/json"}
        if key:
            self._headers["authorization"] = _header(f"Bearer {key}", where="key")
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are not in use; a later call opens a new one."""
        _close_all(self._idle)

    # -- the loop, in its order ----------------------------------------------------------------

    def chat(
        self,
        model: str,
        messages: str | list[dict[str, Any]],
        *,
        user: str | None = None,
        session: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """One chat completion.

        Args:
            model: a route, `route@version`, or `provider/model`.
            messages: the conversation, or the text of one user message.
            **fields: any other field of the OpenAI request.
        Returns:
            The completion as the server sent it, with `trace_id` and `release` added.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        context = {"user": user, "session": session}
        answered = self._send(
            "POST",
            self._target("/v1/chat/completions"),
            {"model": model, "messages": messages, **fields},
            {
                f"x-trimtab-{name}": _header(value, where=name)
                for name, value in context.items()
                if value
            },
        )
        answer: dict[str, Any] = self._value(answered)
        answer["trace_id"] = answered.headers.get("x-trimtab-trace-id")
        answer["release"] = answered.headers.get("x-trimtab-release")
        return answer

    def score(self, trace_id: str, name: str, **judgement: Any) -> dict[str, Any]:
        """Add a judgement of a trace: one of `value`, `label` or `passed`, and what explains it."""
        body = {"trace_id": trace_id, "name": name, **judgement}
        score: dict[str, Any] = self.post("/api/v1/scores", body)
        return score

    # -- what was recorded ---------------------------------------------------------------------

    def traces(self, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """The newest traces that a filter means; `limit`, `route`, `release`, `run` narrow them."""
        return self._page("/api/v1/traces", {"filter": filter, **query})

    def spans(self, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """The newest spans that a filter means, with payloads; narrowed like `traces`."""
        return self._page("/api/v1/spans", {"filter": filter, **query})

    def each(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every record of a list, page after page: `each("/api/v1/traces", {"filter": "user:u7"})`.

        Reads a page when it is needed; `limit` is the size of one.
        """
        asked = {"limit": 500, **(query or {})}
        while True:
            answer = self.get(path, asked)
            yield from answer["data"]
            if not answer.get("next"):
                return
            asked["page"] = answer["next"]

    def trace(self, trace_id: str, *, payloads: bool = True) -> dict[str, Any]:
        """One trace with its spans and scores; `payloads` False leaves out what was said."""
        query = None if payloads else {"payloads": "false"}
        trace: dict[str, Any] = self.get(api_path("traces", trace_id), query)
        return trace

    def span(self, trace_id: str, span_id: str) -> dict[str, Any]:
        """One span with its payloads."""
        span: dict[str, Any] = self.get(api_path("traces", trace_id, "spans", span_id))
        return span

    def groups(self, by: str, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """What spans add up to by a field: `groups("model", "since:7d")`."""
        return self._page("/api/v1/metrics/groups", {"by": by, "filter": filter, **query})

    def series(self, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """What spans add up to over time: `series("model:gpt-4o since:7d", step="1h")`."""
        return self._page("/api/v1/metrics/series", {"filter": filter, **query})

    def sql(self, text: str, *, max_rows: int = 1000) -> dict[str, Any]:
        """The answer to one SELECT over `spans` and `scores`: columns, types and rows."""
        table: dict[str, Any] = self.post("/api/v1/sql", {"sql": text, "max_rows": max_rows})
        return table

    def tail(self, filter: str | None = None, *, what: str = "traces") -> Iterator[sse.Event]:
        """Events as they happen, until the server stops: `name` says of what, `data` is JSON."""
        decoder = sse.Decoder()
        for chunk in self.stream("/api/v1/traces/tail", {"filter": filter, "what": what}):
            for event in decoder.feed(chunk):
                if event.data is not None:
                    yield event

    def export(self, filter: str | None = None, **query: Any) -> Iterator[bytes]:
        """A file of everything that a filter means, in pieces; `what` and `format` say of what."""
        return self.stream("/api/v1/export", {"filter": filter, **query})

    def erase(self, **named: Any) -> dict[str, Any]:
        """Erase for good by `trace_ids`, `sessions`, `users` or `before_ns`; `dry_run` counts."""
        report: dict[str, Any] = self.post("/api/v1/erase", named)
        return report

    # -- datasets ------------------------------------------------------------------------------

    def examples(self, dataset: str) -> list[dict[str, Any]]:
        """The rows of a dataset version (`golden@2`, or `golden` for the newest)."""
        return list(self.rows(dataset))

    def rows(
        self, dataset: str, *, after: int = 0, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """The same, read page by page as they are asked for, from position `after` on."""
        ref, following, left = dataset, after, limit
        while following is not None and left != 0:
            size = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
            asked = {"after": following, "limit": size}
            page = self.get(api_path("datasets", ref, "examples"), asked)
            yield from page["data"]
            # The pages that follow are of the same version, whatever is added meanwhile.
            ref, following = page["ref"], page["next"]
            left = None if left is None else left - len(page["data"])

    def add_dataset(
        self,
        name: str,
        examples: Iterable[Mapping[str, Any]],
        *,
        note: str = "",
        schema: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        sent: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Any]:
        """Store the next version of a dataset, of any size: the rows are sent in pieces.

        Args:
            examples: rows with `example_id`, `input` and what else an example has; read once.
            schema: JSON Schema of an object of a row's input, expected and metadata; None keeps
                that of the version before.
            sent: is told how many rows were sent, piece by piece.
        Raises:
            Conflict: two rows have one example_id; nothing is stored.
        """
        begun = self.post("/api/v1/dataset-drafts", {"name": name, "schema": schema})
        draft = api_path("dataset-drafts", begun["draft"])
        try:
            rows = 0
            for piece in _pieces(examples):
                # Pieces are bounded by their bytes, which are known when they are encoded.
                rows = self.post(f"{draft}/examples", {"examples": piece, "after": rows})["rows"]
                sent(len(piece))
            dataset: dict[str, Any] = self.post(
                f"{draft}/commit", {"note": note, "tags": list(tags)}
            )
        except BaseException:
            with suppress(errors.TrimtabError):
                self.delete(draft)
            raise
        return dataset

    def diff_dataset(self, dataset: str, against: str | None = None) -> dict[str, Any]:
        """Rows added, removed and changed since another version; None is the one before."""
        path = api_path("datasets", dataset, "diff")
        found: dict[str, Any] = self.get(path, {"against": against})
        return found

    def check_dataset(self, dataset: str, against: str | None = None) -> dict[str, Any]:
        """Rows that repeat each other, and with `against` those that this other set knows."""
        path = api_path("datasets", dataset, "check")
        found: dict[str, Any] = self.get(path, {"against": against})
        return found

    def split_dataset(
        self, dataset: str, ratio: Mapping[str, float], *, seed: str = ""
    ) -> dict[str, Any]:
        """Store the next version with each cluster of rows in a split: `{"train": 0.8, ...}`."""
        body = {"ratio": dict(ratio), "seed": seed}
        added: dict[str, Any] = self.post(api_path("datasets", dataset, "split"), body)
        return added

    def remove_dataset(self, name: str) -> int:
        """Remove all versions of a dataset; how many there were."""
        removed: int = self.delete(api_path("datasets", name))["versions"]
        return removed

    # -- runs ----------------------------------------------------------------------------------

    def results(self, run_id: str) -> Iterator[dict[str, Any]]:
        """What was answered to each example of a run, and how it was judged."""
        return self.each(api_path("runs", run_id, "results"), {"limit": 5000})

    def watch(self, run_id: str, *, poll_s: float = 0.2) -> Iterator[dict[str, Any]]:
        """The run again and again until it has ended."""
        pause = threading.Event()
        while True:
            run: dict[str, Any] = self.get(api_path("runs", run_id))
            yield run
            if run["status"] != "running":
                return
            pause.wait(poll_s)

    def poll(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        every_s: float = 0.1,
        limit_s: float = 60.0,
    ) -> Iterator[Any]:
        """What a path answers, again and again, for as long as the caller keeps asking.

        Raises:
            ProviderTimeout: it was asked for longer than `limit_s`.
        """
        pause = threading.Event()
        for _ in range(int(limit_s / every_s)):
            yield self.get(path, query)
            pause.wait(every_s)
        raise errors.ProviderTimeout(
            f"{path} did not come to say what was waited for in {limit_s:g} s", where=self.url
        )

    # -- judges --------------------------------------------------------------------------------

    def judges(self) -> list[dict[str, Any]]:
        """The built-in judges: what each measures, needs and takes."""
        return self._page("/api/v1/judges", {})

    def cards(self, scorer: str | None = None) -> list[dict[str, Any]]:
        """Calibration cards, newest first: how far judges can be believed."""
        return self._page("/api/v1/cards", {"scorer": scorer})

    def add_card(self, card: Any) -> dict[str, Any]:
        """Keep a calibration card; project and time are the server's to say."""
        body = msgspec.to_builtins(card)
        given = {name: body[name] for name in body if name not in ("project", "created_ns")}
        stored: dict[str, Any] = self.post("/api/v1/cards", given)
        return stored

    # -- any route -----------------------------------------------------------------------------

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a path of the API. Raises the error that the server answered."""
        return self._value(self._send("GET", self._target(path, query), None, {}))

    def post(self, path: str, body: Any = None) -> Any:
        """POST a JSON body to a path of the API. Raises the error that the server answered."""
        return self._value(self._send("POST", self._target(path), {} if body is None else body, {}))

    def put(self, path: str, body: Any) -> Any:
        """PUT a JSON body to a path of the API. Raises the error that the server answered."""
        return self._value(self._send("PUT", self._target(path), body, {}))

    def patch(self, path: str, body: Any) -> Any:
        """PATCH a path of the API with a JSON body. Raises the error that the server answered."""
        return self._value(self._send("PATCH", self._target(path), body, {}))

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """DELETE a path of the API. Raises the error that the server answered."""
        return self._value(self._send("DELETE", self._target(path, query), None, {}))

    def stream(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[bytes]:
        """GET a path and yield the body as it comes, on a connection of its own."""
        connection = self._connection()
        try:
            _request(connection, "GET", self._target(path, query), None, self._headers)
            response = connection.getresponse()
            if response.status >= 400:
                found = {name.lower(): value for name, value in response.getheaders()}
                raise _error(_Answered(response.status, found, response.read()))
            while chunk := response.read1(_CHUNK_BYTES):
                yield chunk
        except (http.client.HTTPException, OSError) as error:
            raise self._unanswered(error) from None
        finally:
            connection.close()

    def _target(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """The path of a request, below that of the server's URL."""
        given = {key: value for key, value in (query or {}).items() if value is not None}
        return self._parts.path.rstrip("/") + path + (f"?{urlencode(given)}" if given else "")

    def _page(self, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.get(path, query)["data"]
        return data

    def _value(self, answered: _Answered) -> Any:
        if answered.status >= 400:
            raise _error(answered)
        try:
            return jsonx.decode(answered.body)
        except errors.InvalidRequest:
            raise errors.StoreError(
                f"what answers at {self.url} does not speak the API of Trimtab",
                fix="give the URL of a Trimtab server, and a path of its API",
            ) from None

    def _send(self, method: str, target: str, body: Any, headers: dict[str, str]) -> _Answered:
        """One exchange, on a kept connection if there is one.

        A connection may close under a request. Reading is then tried once more on a new one; what
        changes something is not, because it may have been done.
        """
        payload = None if body is None else jsonx.encode(body)
        headers = {**self._headers, **headers}
        if payload is not None:
            headers["content-type"] = "application/json"
        kept = self._kept()
        if kept is not None:
            try:
                return self._exchange(kept, method, target, payload, headers)
            except ConnectionError as error:
                if method != "GET":
                    raise self._unanswered(error) from None
        try:
            return self._exchange(self._connection(), method, target, payload, headers)
        except ConnectionError as error:
            raise self._unanswered(error) from None

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        payload: bytes | None,
        headers: dict[str, str],
    ) -> _Answered:
        """Raises ConnectionError when the connection ended before the answer did."""
        try:
            _request(connection, method, target, payload, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            answered = _Answered(response.status, found, response.read())
        except BaseException as error:
            connection.close()
            if isinstance(error, http.client.InvalidURL | UnicodeEncodeError):
                raise errors.InvalidRequest(
                    f"not a path: {target[:200]!r}", where="path", fix="percent-encode its parts"
                ) from None
            if isinstance(error, ConnectionError):
                raise
            if isinstance(error, http.client.HTTPException | OSError):
                raise self._unanswered(error) from None
            raise
        self._idle.append(connection)
        return answered

    def _unanswered(self, error: Exception) -> errors.StoreError:
        return errors.StoreError(
            f"no answer from {self.url}: {error or type(error).__name__}",
            fix="start it with `trimtab serve`, or give the right URL",
        )

    def _kept(self) -> http.client.HTTPConnection | None:
        """A kept connection that the server has not closed meanwhile."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.sock is not None and not _has_ended(connection.sock):
                return connection
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        https = self._parts.scheme == "https"
        factory = http.client.HTTPSConnection if https else http.client.HTTPConnection
        return factory(self._parts.hostname or "", self._parts.port, timeout=self._timeout_s)


def _pieces(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[msgspec.Raw]]:
    """Rows gathered to bodies that a server takes: some thousand rows, some megabytes."""
    piece: list[msgspec.Raw] = []
    size = 0
    for row in rows:
        encoded = jsonx.encode(row)
        if piece and (len(piece) == _PIECE_ROWS or size + len(encoded) > _PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(msgspec.Raw(encoded))
        size += len(encoded)
    if piece:
        yield piece


class _Answered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def _server(url: str) -> SplitResult:
    """The parts of a server's URL; what is wrong with it is said without a password in it."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(url)
    except ValueError:
        shown = url.rpartition("@")[2]
        raise errors.InvalidRequest(
            f"not a server URL: {shown[:200]!r}", where="url", fix="use for example " + DEFAULT_URL
        ) from None
    if "@" in parts.netloc:
        raise errors.InvalidRequest(
            "a server URL holds no credentials", where="url", fix="give the key as `key`"
        )
    return parts


def _header(value: str, *, where: str) -> str:
    """A value as it is sent in a header: its UTF-8, in the letters that http.client takes.

    >>> _header("Zoë", where="user")
    'ZoÃ«'
    """
    if not value.isprintable():
        raise errors.InvalidRequest(
            f"{where} holds a character that cannot be sent", where=where, fix="remove it"
        )
    return value.encode().decode("latin-1")


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    payload: bytes | None,
    headers: dict[str, str],
) -> None:
    try:
        connection.request(method, target, payload, headers)
    except (BrokenPipeError, ConnectionResetError):
        # A server that refuses a body answers before it has read it, and hangs up.
        if connection.sock is None:
            raise


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side has closed: nothing else can be read between two exchanges."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _error(answered: _Answered) -> errors.TrimtabError:
    """The error the server described, as the class it had there, with its facts."""
    try:
        wire = jsonx.decode(answered.body)
    except errors.InvalidRequest:
        wire = {}
    wire = wire if isinstance(wire, dict) else {}
    inner = wire.get("error")
    about: dict[str, Any] = inner if isinstance(inner, dict) else wire
    code = str(wire.get("type", "")).rpartition(":")[2] or about.get("code")
    kind = _BY_CODE.get(str(code)) or _BY_STATUS.get(answered.status) or errors.TrimtabError
    what = about.get("detail") or about.get("message") or f"HTTP {answered.status}"
    facts = {key: value for key, value in about.items() if key not in _SAID}
    waited = answered.headers.get("retry-after", "")
    if waited.isdecimal():
        facts.setdefault("retry_after_s", int(waited))
    return kind(
        str(what),
        where=about.get("where") or about.get("param"),
        fix=about.get("fix"),
        **{**facts, "status": answered.status},
    )


def _tree(kind: type[errors.TrimtabError]) -> Iterator[type[errors.TrimtabError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_SAID = frozenset({"type", "title", "detail", "message", "where", "param", "fix", "code", "what"})
# Not those that other modules derive for themselves, whose arguments are their own.
_BY_CODE = {
    kind.code: kind
    for kind in _tree(errors.TrimtabError)
    if kind.__module__ == errors.TrimtabError.__module__
}
_BY_STATUS = {
    **dict.fromkeys(range(400, 500), errors.RequestError),
    400: errors.InvalidRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    429: errors.RateLimited,
}
