"""An OTLP backend on loopback for tests: a real HTTP server that decodes what it is sent.

`answers` queues statuses, headers and maybe bodies for the next requests; `gate` can be cleared to
make it slow.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Seen:
    """A span as it arrived."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    status: int
    error: str
    events: list[str]
    resource: dict[str, Any]
    scope: str
    kind: int
    start_ns: int
    end_ns: int


@dataclass
class Collector:
    url: str
    spans: list[Seen] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    peers: set[tuple[str, int]] = field(default_factory=set)
    answers: deque[tuple[int, dict[str, str]] | tuple[int, dict[str, str], bytes]] = field(
        default_factory=deque
    )
    gate: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, condition: Callable[[], bool], timeout_s: float = 60) -> None:
        """Until something is true of what arrived."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), f"arrived: {self.names()}"

    def wait_for(self, *names: str) -> None:
        self.wait(lambda: set(names) <= set(self.names()))

    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def one(self, name: str) -> Seen:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def one_resource(self) -> set[str]:
        return {span.resource["service.name"] for span in self.spans}

    def ids(self) -> set[str]:
        return {span.span_id for span in self.spans}

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        raw = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        with self.changed:
            self.requests.append((path, headers))
            if path.endswith("/v1/traces"):
                found = _decoded(raw)
                self.spans += found
                self.sizes.append(len(found))
            else:
                self.scores += json.loads(raw)
            self.changed.notify_all()


@contextlib.contextmanager
def collecting(port: int = 0) -> Iterator[Collector]:
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    collector.gate.set()
    server.collector = collector  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="collector")
    thread.start()
    try:
        yield collector
    finally:
        collector.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Heads and bodies are written apart; without this each answer waits for an acknowledgement.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        collector: Collector = self.server.collector  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        collector.peers.add(self.client_address)
        collector.gate.wait(60)
        status, headers, *said = collector.answers.popleft() if collector.answers else (200, {})
        if status == 200:
            given = {name.lower(): value for name, value in self.headers.items()}
            collector.take(self.path, given, body)
        answer = said[0] if said else ExportTraceServiceResponse().SerializeToString()
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


def _decoded(raw: bytes) -> list[Seen]:
    found = ExportTraceServiceRequest.FromString(raw)
    return [
        Seen(
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            attributes=_attributes(span.attributes),
            status=span.status.code,
            error=span.status.message,
            events=[event.name for event in span.events],
            resource=_attributes(resource.resource.attributes),
            scope=scope.scope.name,
            kind=span.kind,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
        )
        for resource in found.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(found: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in found}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind)
