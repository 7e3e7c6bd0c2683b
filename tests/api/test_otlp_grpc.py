"""OTLP over gRPC: the real exporter, credentials, failures that say when to come back."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2,
    metrics_service_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from tests.api.otlp import a_span, an_export, stored, with_attribute
from tests.processes import serving
from tests.serving import Served, configured, served

from trimtab.api.grpc import ExportServer
from trimtab.api.intake import Intake
from trimtab.errors import ConfigError, NotDurable, Overloaded

SECRET = "tt-" + "s3cret" * 5
MIB = 1024 * 1024
KEYS = f"""
access:
  keys:
    - {{name: writer, key: {SECRET}, project: shop, permissions: ["traces:write"]}}
    - {{name: reader, key: {SECRET}-reader, permissions: ["traces:read"]}}
"""


@contextlib.contextmanager
def exports(server: Served, intake: Intake | None = None) -> Iterator[str]:
    """The gRPC services of a server; their address."""

    async def start() -> ExportServer:
        found = ExportServer(server.app, intake or Intake(64 * MIB), host="127.0.0.1", port=0)
        await found.start()
        return found

    running = server.run(start)
    try:
        yield f"127.0.0.1:{running.port}"
    finally:
        server.run(lambda: running.stop(1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = {"limits.inflated_bytes": 8 * MIB}
    with served(configured(tmp_path_factory.mktemp("grpc") / "data", **limits)) as running:
        yield running


def export(address: str, body: bytes, metadata: Any = ()) -> Any:
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
    with grpc.insecure_channel(address) as channel:
        stub = trace_service_pb2_grpc.TraceServiceStub(channel)
        return stub.Export(request, timeout=30, metadata=metadata)


def finished(name: str) -> Any:
    with TracerProvider().get_tracer("tests").start_as_current_span(name) as span:
        return span


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_spans_of_the_real_exporter_arrive(server: Served, compression: Any) -> None:
    span = finished("chat")
    with exports(server) as address:
        exporter = OTLPSpanExporter(address, insecure=True, compression=compression)
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        exporter.shutdown()
    (kept,) = server.app.telemetry.trace("default", f"{span.get_span_context().trace_id:032x}")
    assert kept.name == "chat"


def test_what_is_left_out_is_counted(server: Served) -> None:
    good, bad = a_span(), a_span(trace_id=b"abc")
    with exports(server) as address:
        part = export(address, an_export(good, bad)).partial_success
    assert part.rejected_spans == 1
    assert part.error_message
    assert stored(server, good)


def test_logs_and_metrics_are_answered(server: Served) -> None:
    with exports(server) as address, grpc.insecure_channel(address) as channel:
        logs = logs_service_pb2_grpc.LogsServiceStub(channel)
        assert not logs.Export(logs_service_pb2.ExportLogsServiceRequest()).ByteSize()
        metrics = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        assert not metrics.Export(metrics_service_pb2.ExportMetricsServiceRequest()).ByteSize()


@pytest.mark.parametrize("error", [NotDurable("disk full"), Overloaded("busy", retry_after_s=2.5)])
def test_shed_load_is_unavailable_and_says_when_to_come_back(
    server: Served, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def refuse(_: Any) -> int:
        raise error

    monkeypatch.setattr(server.app.ingest, "write", refuse)
    with exports(server) as address, pytest.raises(grpc.RpcError) as raised:
        export(address, an_export(a_span()))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    status = status_pb2.Status.FromString(
        dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    )
    retry = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.ToTimedelta().total_seconds() in (1, 2.5)


def test_load_beyond_the_limit_is_shed(server: Served) -> None:
    intake = Intake(1_000)
    with intake.share() as busy, exports(server, intake) as address:
        busy.take(990)
        with pytest.raises(grpc.RpcError) as raised:
            export(address, an_export(a_span()))
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert intake.held_bytes == 0


def test_an_export_over_the_limit_is_refused(server: Served) -> None:
    span = with_attribute(a_span(), "text", string_value="x" * 9 * MIB)
    with exports(server) as address, pytest.raises(grpc.RpcError) as raised:
        export(address, an_export(span))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stored(server, span) is None


def test_bytes_that_are_no_export_are_an_invalid_argument(server: Served) -> None:
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    with exports(server) as address, grpc.insecure_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary(method)(b"this is no export", timeout=30)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert channel.unary_unary(method)(b"", timeout=30) == b""


def test_a_defect_is_internal_and_in_the_log(
    server: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def defect(_: Any) -> int:
        raise ZeroDivisionError("sk-secret")

    monkeypatch.setattr(server.app.ingest, "write", defect)
    with exports(server) as address, pytest.raises(grpc.RpcError) as raised:
        export(address, an_export(a_span()))
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in raised.value.details()
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ((), grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", "Bearer wrong"),), grpc.StatusCode.UNAUTHENTICATED),
        ((("x-api-key", f"{SECRET}-reader"),), grpc.StatusCode.PERMISSION_DENIED),
        ((("authorization", f"Bearer {SECRET}"),), None),
        ((("x-api-key", SECRET),), None),
    ],
)
def test_with_keys_an_export_needs_one(tmp_path: Path, metadata: Any, code: Any) -> None:
    span = a_span()
    with served(configured(tmp_path / "data", KEYS)) as server, exports(server) as address:
        if code is None:
            export(address, an_export(span), metadata)
        else:
            with pytest.raises(grpc.RpcError) as raised:
                export(address, an_export(span), metadata)
            assert raised.value.code() is code
        assert (stored(server, span, "shop") is None) is (code is not None)


def test_a_port_that_is_taken_is_named(server: Served) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        async def start() -> None:
            ExportServer(server.app, Intake(1), host="127.0.0.1", port=port)

        with pytest.raises(ConfigError, match="grpc"):
            server.run(start)


def test_serve_listens_for_grpc_where_it_is_told_to(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(tmp_path / "data", "--grpc-port", str(port)) as server:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            metrics = metrics_service_pb2_grpc.MetricsServiceStub(channel)
            reply = metrics.Export(
                metrics_service_pb2.ExportMetricsServiceRequest(), timeout=30, wait_for_ready=True
            )
            assert not reply.ByteSize()
        assert server.stop() == 0
    assert "nanobind" not in server.log.read_text(), "something is kept beyond the end"
