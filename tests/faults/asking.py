"""Requests to a server process, one connection each, and what its memory did meanwhile."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire
from tests.api.otlp import PROTOBUF
from tests.processes import ServeProcess
from tests.serving import Reply

MIB = 1024 * 1024


def ask(
    server: ServeProcess,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """The answer, also one that comes before the whole body was read."""
    connection = http.client.HTTPConnection(urlsplit(server.client.url).netloc, timeout=60)
    with contextlib.closing(connection):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())


def export(
    server: ServeProcess, body: bytes, *, content_type: str | None = PROTOBUF, encoding: str = ""
) -> Reply:
    """Send an export of spans; a content type of None is left out."""
    headers = {"content-type": content_type} if content_type is not None else {}
    if encoding:
        headers["content-encoding"] = encoding
    return ask(server, "POST", "/v1/traces", body, headers)


def rejected(reply: Reply) -> tuple[int, str]:
    """How many spans the reply to an export says were left out, and why."""
    assert reply.status == 200, reply.body
    if reply.headers["content-type"] == "application/json":
        part = reply.json.get("partialSuccess", {})
        return int(part.get("rejectedSpans", 0)), part.get("errorMessage", "")
    told = ExportTraceServiceResponse.FromString(reply.body).partial_success
    return told.rejected_spans, told.error_message


def kept(server: ServeProcess, span: Wire) -> dict[str, Any] | None:
    """What the server has of a span; None when it has nothing."""
    path = f"/api/v1/traces/{span.trace_id.hex()}/spans/{span.span_id.hex()}"
    reply = ask(server, "GET", path)
    assert reply.status in (200, 404), reply.body
    return dict(reply.json) if reply.status == 200 else None


class Memory:
    """Resident memory of a process, as the kernel counts it."""

    def __init__(self, pid: int) -> None:
        self._directory = Path(f"/proc/{pid}")

    @property
    def now_bytes(self) -> int:
        return self._figure("VmRSS")

    @property
    def peak_bytes(self) -> int:
        """The most since `forget_peak`."""
        return self._figure("VmHWM")

    def forget_peak(self) -> None:
        (self._directory / "clear_refs").write_text("5")

    def _figure(self, name: str) -> int:
        lines = (self._directory / "status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])
