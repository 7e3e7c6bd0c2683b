"""OTLP over HTTP: every address, real SDK exporters, what becomes of each signal, shed load."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status, StatusCode
from tests.api.otlp import (
    NOW_NS,
    PREFIXES,
    PROTOBUF,
    a_span,
    an_export,
    post,
    rejected,
    stored,
    with_attribute,
)
from tests.serving import Served, configured, served

from trimtab.api.intake import Intake
from trimtab.api.table import TABLE
from trimtab.errors import NotDurable, Overloaded, StoreError
from trimtab.records import SpanPatch

SECRET = "tt-" + "s3cret" * 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("otlp") / "data")) as running:
        yield running


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Served]:
    text = f"""
access:
  keys:
    - {{name: writer, key: {SECRET}, project: shop, permissions: ["traces:write"]}}
    - {{name: reader, key: {SECRET}-reader, permissions: ["traces:read"]}}
"""
    with served(configured(tmp_path / "data", text)) as running:
        yield running


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_address_of_every_sdk_takes_spans(server: Served, prefix: str) -> None:
    span = a_span()
    assert rejected(post(server, an_export(span), path=f"{prefix}/v1/traces")) == (0, "")
    assert stored(server, span)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_every_address_answers_metrics_and_logs(server: Served, prefix: str, signal: str) -> None:
    reply = post(server, b"", path=f"{prefix}/v1/{signal}")
    assert (reply.status, reply.body) == (200, b"")


def test_all_of_them_need_the_permission_to_write() -> None:
    found = [endpoint for endpoint in TABLE if endpoint.dialect == "otlp"]
    assert len(found) == 3 * len(PREFIXES)
    assert {endpoint.permission for endpoint in found} == {"traces:write"}


def test_metrics_are_taken_and_let_go(server: Served) -> None:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.add(name="tokens")
    reply = post(server, request.SerializeToString(), path="/v1/metrics")
    assert (reply.status, reply.body) == (200, b"")


def test_a_log_of_a_model_call_is_added_to_its_span(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    async def patch(project: str, patches: Any) -> list[SpanPatch]:
        taken.append((project, list(patches)))
        return []

    monkeypatch.setattr(server.app.ingest, "patch", patch)
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add().log_records
    for name in ("gen_ai.choice", "http.request"):
        logs.add(event_name=name, trace_id=b"t" * 16, span_id=b"s" * 8, time_unix_nano=NOW_NS)
    assert post(server, request.SerializeToString(), path="/v1/logs").status == 200
    ((project, (patch_taken,)),) = taken
    assert project == "default"
    assert patch_taken.fields["events"][0]["name"] == "gen_ai.choice"


def test_an_export_of_many_spans_is_stored_whole(server: Served) -> None:
    spans = [with_attribute(a_span(), "n", int_value=n) for n in range(5_000)]
    before = server.app.telemetry.span_count("default")
    body = gzip.compress(an_export(*spans, a_span(trace_id=b"")))
    assert rejected(post(server, body, content_encoding="gzip"))[0] == 1
    assert server.app.telemetry.span_count("default") == before + len(spans)
    assert rejected(post(server, body, content_encoding="gzip"))[0] == 1
    assert server.app.telemetry.span_count("default") == before + len(spans), "a replay adds none"


# -- the real SDK --------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", list(Compression))
def test_spans_of_the_real_sdk_arrive(server: Served, compression: Compression) -> None:
    exporter = OTLPSpanExporter(f"{server.url}/v1/traces", compression=compression)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1.2")
    with tracer.start_as_current_span("parent") as parent:
        parent.set_attribute("gen_ai.request.model", "gpt-4o")
        parent.set_attribute("stops", ["a", "b"])
        with tracer.start_as_current_span("child") as child:
            child.add_event("said", {"text": "hello"})
            child.set_status(Status(StatusCode.ERROR, "it broke"))
    assert provider.force_flush()
    provider.shutdown()
    trace_id = f"{parent.get_span_context().trace_id:032x}"
    found = {span.name: span for span in server.app.telemetry.trace("default", trace_id)}
    assert set(found) == {"parent", "child"}
    assert found["child"].parent_id == found["parent"].span_id
    assert found["child"].status == "error"
    assert found["child"].events[0]["attributes"] == {"text": "hello"}
    assert found["parent"].attributes["stops"] == ["a", "b"]
    assert found["parent"].resource["otel.scope.version"] == "1.2"
    assert found["parent"].service == "shop"


def test_the_real_sdk_retries_what_was_shed_and_loses_nothing(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, refusals = server.app.ingest.write, [Overloaded("busy", retry_after_s=0.1)]

    async def sometimes(spans: Any) -> int:
        if refusals:
            raise refusals.pop()
        return int(await write(spans))

    monkeypatch.setattr(server.app.ingest, "write", sometimes)
    exporter = OTLPSpanExporter(f"{server.url}/v1/traces")
    provider = TracerProvider()
    finished: list[Any] = []
    with provider.get_tracer("tests").start_as_current_span("once") as span:
        finished.append(span)
    assert exporter.export(finished) is SpanExportResult.SUCCESS
    exporter.shutdown()
    assert not refusals
    trace_id = f"{span.get_span_context().trace_id:032x}"
    assert len(server.app.telemetry.trace("default", trace_id)) == 1


# -- who may -------------------------------------------------------------------------------------


def test_spans_belong_to_the_project_of_the_key(guarded: Served) -> None:
    span = a_span()
    assert rejected(post(guarded, an_export(span), authorization=f"Bearer {SECRET}")) == (0, "")
    assert stored(guarded, span, "shop")
    assert stored(guarded, span) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"authorization": "Bearer x"}, 401), ({"x_api_key": f"{SECRET}-reader"}, 403)],
)
@pytest.mark.parametrize("content_type", [PROTOBUF, "application/json"])
def test_without_the_permission_nothing_is_taken(
    guarded: Served, headers: dict[str, str], status: int, content_type: str
) -> None:
    reply = post(guarded, an_export(a_span()), content_type=content_type, **headers)
    assert reply.status == status
    assert reply.headers["content-type"] == content_type


# -- load ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [NotDurable("disk full", where="/var/x"), Overloaded("busy")])
def test_what_cannot_be_made_durable_is_a_503_to_come_back_from(
    server: Served, monkeypatch: pytest.MonkeyPatch, error: StoreError | Overloaded
) -> None:
    async def refuse(_: Any) -> int:
        raise error

    monkeypatch.setattr(server.app.ingest, "write", refuse)
    reply = post(server, an_export(a_span()))
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.headers["content-type"] == PROTOBUF
    assert b"/var" not in reply.body


@contextlib.contextmanager
def half_sent(server: Served, body: bytes) -> Iterator[http.client.HTTPConnection]:
    """A request of which all but the last byte was sent; `send` the rest."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/v1/traces")
        connection.putheader("content-type", PROTOBUF)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body[:-1])
        yield connection


def test_load_beyond_the_limit_is_shed_with_a_503_and_taken_later(tmp_path: Path) -> None:
    first = with_attribute(a_span(), "text", string_value="x" * 90_000)
    second = with_attribute(a_span(), "text", string_value="y" * 90_000)
    with served(configured(tmp_path / "data", **{"limits.ingest_bytes": 100_000})) as server:
        body = an_export(first)
        refused = threading.Event()
        with half_sent(server, body) as connection:
            for _ in range(1_000):
                reply = post(server, an_export(second))
                if reply.status == 503:
                    refused.set()
                    break
            assert refused.is_set()
            assert int(reply.headers["retry-after"]) >= 1
            assert rejected(post(server, an_export(a_span()))) == (0, ""), "a small one fits"
            connection.send(body[-1:])
            assert connection.getresponse().status == 200
        assert rejected(post(server, an_export(second))) == (0, "")
        assert stored(server, first)
        assert stored(server, second)


def test_a_request_alone_is_taken_though_it_is_larger_than_the_limit() -> None:
    intake = Intake(100)
    with intake.share() as alone:
        alone.take(80)
        alone.take(80)
        with intake.share() as other, pytest.raises(Overloaded):
            other.take(1)
    assert intake.held_bytes == 0
    with intake.share() as first, intake.share() as second:
        first.take(60)
        second.take(40)
        with pytest.raises(Overloaded):
            second.take(1)
        with pytest.raises(Overloaded):
            first.take(1)
    assert intake.held_bytes == 0
