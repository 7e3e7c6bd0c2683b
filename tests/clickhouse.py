"""ClickHouse for the tests: its engine as packaged in `chdb`, behind ClickHouse's HTTP protocol.

Run as a program it serves one engine until it is killed; `clickhouse_url` starts it in a process of
its own, so that what the tests use is the real client over a real socket. Only what the client
sends is understood: queries with parameters and settings, and inserts in the Native format.

    python tests/clickhouse.py --port 8123 --data /var/lib/somewhere --password secret
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import email.parser
import email.policy
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_DATABASE_ERROR = re.compile(r"Code: (\d+)")
# Settings of the protocol, which are not settings of a query.
_OF_THE_PROTOCOL = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "compress",
        "decompress",
        "enable_http_compression",
        "client_protocol_version",
        "send_progress_in_http_headers",
        "wait_end_of_query",
        "http_headers_progress_interval_ms",
        "buffer_size",
    }
)
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s+(.*?)\s+FORMAT\s+Native\s*$", re.IGNORECASE | re.DOTALL)


class Engine:
    """Handles on the one engine of this process; each takes one query at a time."""

    def __init__(self, data: Path, handles: int = 4) -> None:
        import chdb

        self._data = data
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self._connect = chdb.connect
        for _ in range(handles):
            self._idle.put(self._handle())

    def answer(
        self, sql: str, form: str, database: str, settings: dict[str, str], params: dict[str, str]
    ) -> bytes:
        # What is read-only cannot be made writable again, so it gets a handle of its own.
        if "readonly" in settings:
            with contextlib.closing(self._handle()) as handle:
                return self._answer(handle, sql, form, database, settings, params)
        handle = self._idle.get()
        try:
            return self._answer(handle, sql, form, database, settings, params)
        finally:
            self._idle.put(handle)

    def _handle(self) -> Any:
        return self._connect(f"{self._data}?backups.allowed_path={self._data}/backups")

    @staticmethod
    def _answer(
        handle: Any,
        sql: str,
        form: str,
        database: str,
        settings: dict[str, str],
        params: dict[str, str],
    ) -> bytes:
        handle.query(f"USE {database}")
        order = sorted(settings, key=lambda name: name == "readonly")
        if settings:
            handle.query(
                "SET " + ", ".join(f"{name} = {_literal(settings[name])}" for name in order)
            )
        try:
            answer: bytes = handle.query(sql, form, params=params or None).bytes()
            return answer
        finally:
            if "readonly" not in settings:
                for name in settings:
                    handle.query(f"SET {name} = DEFAULT")

    @contextlib.contextmanager
    def file(self, body: bytes) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(dir=self._data, suffix=".native") as file:
            file.write(body)
            file.flush()
            yield Path(file.name)


class Handler(BaseHTTPRequestHandler):
    """One request; made by `serve` for an engine and a password."""

    engine: Engine
    password: str
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together

    def do_GET(self) -> None:
        self._send(200, b"Ok.\n")

    def do_POST(self) -> None:
        body = self._body()
        if not self._known():
            self._fail(516, "Authentication failed: password is incorrect")
            return
        fields = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if (kind := self.headers.get("Content-Type", "")).startswith("multipart/"):
            fields |= _multipart(kind, body)
            body = b""
        try:
            self._send(200, _answer(self.engine, fields, body))
        except RuntimeError as error:
            found = _DATABASE_ERROR.search(str(error))
            self._fail(int(found[1]) if found else 1002, str(error))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = _chunks(self.rfile.readline, self.rfile.read)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return _decompressed(body, self.headers.get("Content-Encoding"))

    def _known(self) -> bool:
        kind, _, told = self.headers.get("Authorization", "").partition(" ")
        given = base64.b64decode(told).decode().partition(":")[2]
        return kind == "Basic" and given == self.password

    def _fail(self, code: int, text: str) -> None:
        said = f"Code: {code}. DB::Exception: {text}"
        headers = {"X-ClickHouse-Exception-Code": str(code)}
        self._send(404 if code == 60 else 500, said.encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        summary = {"read_rows": "0", "written_rows": "0"}
        for name, value in {
            "Content-Length": str(len(body)),
            "Content-Type": "application/octet-stream",
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Summary": json.dumps(summary),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def serve(port: int, data: Path, password: str) -> None:
    """Answer until the process is ended."""

    class Ours(Handler):
        pass

    Ours.engine, Ours.password = Engine(data), password
    Server(("127.0.0.1", port), Ours).serve_forever()


def _answer(engine: Engine, fields: dict[str, str], body: bytes) -> bytes:
    params = {name[6:]: value for name, value in fields.items() if name.startswith("param_")}
    settings = {
        name: value
        for name, value in fields.items()
        if not name.startswith("param_") and name not in _OF_THE_PROTOCOL
    }
    database, form = fields.get("database", "default"), fields.get("default_format", "TabSeparated")
    query = fields.get("query", "").encode()
    if not query and body[:6].upper() == b"INSERT":
        query, _, body = body.partition(b"\n")
    if match := _INSERT.match(query):
        with engine.file(body) as path:
            sql = f"INSERT INTO {match[1].decode()} SELECT * FROM file('{path}', 'Native')"
            return engine.answer(sql, form, database, settings, params)
    sql = (query + b"\n" + body).decode().strip()
    if match := re.search(r"\sFORMAT\s+(\w+)\s*$", sql):
        sql, form = sql[: match.start()], match[1]
    return engine.answer(sql, form, database, settings, params)


def _chunks(line: Callable[[], bytes], read: Callable[[int], bytes]) -> bytes:
    parts = []
    while size := int(line().split(b";")[0], 16):
        parts.append(read(size))
        line()
    line()
    return b"".join(parts)


def _decompressed(body: bytes, encoding: str | None) -> bytes:
    if encoding == "lz4":
        return b"".join(_frames(body))
    if encoding:
        raise RuntimeError(f"Code: 1. The encoding {encoding} is not understood here")
    return body


def _frames(body: bytes) -> Iterator[bytes]:
    """A large insert is several blocks, each compressed alone."""
    import lz4.frame

    while body:
        reader = lz4.frame.LZ4FrameDecompressor()
        yield reader.decompress(body)
        body = reader.unused_data or b""


def _multipart(kind: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(
            decode=True
        ).decode()
        for part in message.iter_parts()
    }


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--password", required=True)
    arguments = parser.parse_args()
    serve(arguments.port, arguments.data, arguments.password)
