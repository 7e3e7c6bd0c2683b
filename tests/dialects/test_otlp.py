"""OTLP's dialect: what goes in comes out, in both encodings, whole or in slices."""

from __future__ import annotations

import base64
import contextlib
import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from tests.api.otlp import NOW_NS, a_span, an_export, as_json

from trimtab.dialects import otlp
from trimtab.dialects.otlp import traces, wire
from trimtab.dialects.otlp.repair import marked_json
from trimtab.errors import InvalidRequest, TooLarge
from trimtab.records.otel import RawSpan

# -- making exports ------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
VALUES = st.recursive(
    st.none() | TEXT | st.booleans() | INT64 | st.floats() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=5)
LONG = st.sampled_from([100, 127, 128, 129, 130, 200, 16_383, 16_384, 16_400]).map(
    lambda n: "ä" * n
)
IDS = st.binary(min_size=8, max_size=8).filter(any)
TRACES = st.binary(min_size=16, max_size=16).filter(any)


def put(target: AnyValue, value: Any) -> None:
    """Write a value as OpenTelemetry does."""
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            put(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        for key, item in value.items():
            put(target.kvlist_value.values.add(key=key).value, item)


def framed(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + wire.varint(len(data)) + data


def put_all(target: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        put(target.add(key=key).value, value)


def plain(value: Any) -> Any:
    """A value as it is kept: what JSON cannot say, as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Wire, RawSpan]:
    """A span on the wire, and what must be read from it."""
    start_ns = draw(st.integers(1, 2**63 - 1))
    end_ns = draw(st.integers(start_ns, 2**63 - 1))
    attributes, event, link = draw(ATTRIBUTES), draw(ATTRIBUTES), draw(ATTRIBUTES)
    attributes["long"] = draw(LONG | TEXT)
    kind, code, dropped = draw(st.integers(0, 5)), draw(st.integers(0, 2)), draw(UINT32)
    ids = draw(st.tuples(TRACES, IDS, IDS, TRACES, IDS))
    names = draw(st.tuples(TEXT, TEXT, TEXT, TEXT))
    span = Wire(
        trace_id=ids[0],
        span_id=ids[1],
        parent_span_id=ids[2],
        name=names[0],
        kind=kind,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=end_ns,
        trace_state=names[1],
        status=Status(code=code, message=names[2]),
        dropped_events_count=dropped,
    )
    put_all(span.attributes, attributes)
    put_all(span.events.add(name=names[3], time_unix_nano=start_ns).attributes, event)
    put_all(span.links.add(trace_id=ids[3], span_id=ids[4]).attributes, link)
    kept = plain(attributes) | ({"otel.dropped_events_count": dropped} if dropped else {})
    parent = ids[2].hex() if ids[2] != ids[1] else None
    if parent is None:
        kept["trimtab.repaired"] = ["parent_id"]
    raw = RawSpan(
        trace_id=ids[0].hex(),
        span_id=ids[1].hex(),
        parent_id=parent,
        name=names[0],
        kind=kind,
        start_ns=start_ns,
        end_ns=end_ns,
        trace_state=names[1],
        status_code=code,
        status_message=names[2],
        attributes=kept,
        events=({"name": names[3], "time_ns": start_ns, "attributes": plain(event)},),
        links=({"trace_id": ids[3].hex(), "span_id": ids[4].hex(), "attributes": plain(link)},),
        resource={"service.name": "shop", "otel.scope.name": "tests"},
    )
    return span, raw


# -- round trips ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(pairs(), max_size=4))
def test_spans_come_out_of_protobuf_as_they_were_put_in(found: list[tuple[Wire, RawSpan]]) -> None:
    decoded = otlp.decode_traces(an_export(*(span for span, _ in found)), "protobuf")
    assert decoded.spans == [raw for _, raw in found]
    assert (decoded.rejected, decoded.reason) == (0, "")


@settings(deadline=None)
@given(found=st.lists(pairs(), max_size=4), snake=st.booleans(), ascii_only=st.booleans())
def test_spans_come_out_of_json_as_they_were_put_in(
    found: list[tuple[Wire, RawSpan]], snake: bool, ascii_only: bool
) -> None:
    message = as_json(an_export(*(span for span, _ in found)), snake=snake)
    body = json.dumps(message, ensure_ascii=ascii_only).encode()
    decoded = otlp.decode_traces(body, "json")
    assert decoded.spans == [raw for _, raw in found]
    assert decoded.rejected == 0


@settings(deadline=None)
@given(body=st.binary(max_size=60), encoding=st.sampled_from(["protobuf", "json"]))
def test_any_bytes_are_an_export_or_a_bad_request(body: bytes, encoding: otlp.Encoding) -> None:
    for decode in (otlp.decode_traces, otlp.decode_logs, otlp.count_metrics):
        with contextlib.suppress(InvalidRequest):
            decode(body, encoding)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (r'"\ud83d\ude00"', "😀"),
        (r'"\\ud83d"', r"\ud83d"),
        (r'"\\\ud83d"', "\\\0\ufdd0"),
        (r'"\ude00\ud83d"', "\0\ufdd0\0\ufdd0"),
        (r'"\ud83d\ud83d\ude00"', "\0\ufdd0😀"),
        (r'"\n\"\u00e4"', '\n"ä'),
    ],
)
def test_only_halves_of_surrogate_pairs_are_marked(text: str, kept: str) -> None:
    assert json.loads(marked_json(text.encode())) == kept


# -- JSON as others write it ---------------------------------------------------------------------


def json_span(**fields: Any) -> dict[str, Any]:
    return {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "name": "chat",
        "startTimeUnixNano": str(NOW_NS),
        "endTimeUnixNano": NOW_NS + 1,
        **fields,
    }


def json_export(*spans: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def one(**fields: Any) -> RawSpan:
    decoded = otlp.decode_traces(json_export(json_span(**fields)), "json")
    assert decoded.reason == ""
    return decoded.spans[0]


def test_json_ids_are_hex_of_either_case() -> None:
    span = one(parentSpanId="")
    assert span.trace_id == "5b8efff798038103d269b633813fc60c"
    assert (span.span_id, span.parent_id) == ("eee19b7ec3c1b174", None)


@pytest.mark.parametrize("kind", [3, "3", "SPAN_KIND_CLIENT", 3.0])
@pytest.mark.parametrize("code", [2, "STATUS_CODE_ERROR"])
def test_json_enumerations_are_numbers_or_names(kind: Any, code: Any) -> None:
    span = one(kind=kind, status={"code": code})
    assert (span.kind, span.status_code) == (3, 2)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"intValue": "9007199254740993"}, 9_007_199_254_740_993),
        ({"intValue": 5}, 5),
        ({"int_value": "-5"}, -5),
        ({"doubleValue": 5}, 5.0),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"doubleValue": "-Infinity"}, "-Infinity"),
        ({"doubleValue": "1.5"}, 1.5),
        ({"boolValue": False}, False),
        ({"stringValue": ""}, ""),
        ({"bytesValue": "_-8"}, "/+8="),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{}, {"stringValue": "x"}]}}, [None, "x"]),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"intValue": 1}}]}}, {"k": 1}),
        ({}, None),
        (None, None),
        ({"futureValue": 1}, None),
    ],
)
def test_json_values_are_read_however_they_are_written(value: Any, kept: Any) -> None:
    assert one(attributes=[{"key": "a", "value": value}]).attributes == {"a": kept}


@pytest.mark.parametrize(
    "harm",
    [
        {"traceId": "5b8e"},
        {"traceId": 7},
        {"spanId": None},
        {"spanId": "zzzzzzzzzzzzzzzz"},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": True},
        {"startTimeUnixNano": 1.5},
        {"endTimeUnixNano": "1" * 5000},
        {"attributes": {"a": 1}},
        {"attributes": ["a"]},
        {"attributes": [{"key": 1}]},
        {"attributes": [{"key": "a", "value": "x"}]},
        {"attributes": [{"key": "a", "value": {"intValue": "x"}}]},
        {"attributes": [{"key": "a", "value": {"intValue": 2**64}}]},
        {"attributes": [{"key": "a", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "a", "value": {"bytesValue": "!"}}]},
        {"attributes": [{"key": "a", "value": {"doubleValue": "one"}}]},
        {"attributes": [{"key": "a", "value": {"arrayValue": [1]}}]},
        {"events": [1]},
        {"links": {}, "events": "x"},
        {"name": 7},
        {"kind": "SPAN_KIND_ODD"},
        {"status": 2},
    ],
)
def test_a_json_span_of_wrong_types_is_left_out_alone(harm: dict[str, Any]) -> None:
    decoded = otlp.decode_traces(json_export(json_span(), json_span(**harm)), "json")
    assert len(decoded.spans) == 1
    assert decoded.rejected == 1
    assert decoded.reason.startswith("1 x ")


def test_a_record_that_is_no_object_is_left_out_alone() -> None:
    deep = "[" * 5000 + "]" * 5000
    body = json_export(json_span(), 7, "X").replace(b'"X"', b"{}")
    decoded = otlp.decode_traces(body, "json")
    assert (len(decoded.spans), decoded.rejected) == (1, 2)
    with pytest.raises(InvalidRequest):
        otlp.decode_traces(json_export("X").replace(b'"X"', deep.encode()), "json")


@pytest.mark.parametrize("size", [16_384, 2**21 - 5, 2**21])
@pytest.mark.parametrize(
    ("given", "kept", "repairs"),
    [
        (b"plain", "plain", None),
        ("ä€😀".encode(), "ä€😀", None),
        (b"a\0b", "a\ufffdb", ["nul"]),
        (b"\xff\xfe", "\ufffd", ["encoding"]),
    ],
)
def test_a_large_text_is_kept_and_repaired_as_a_small_one_is(
    size: int, given: bytes, kept: str, repairs: list[str] | None
) -> None:
    span = a_span()
    put(span.attributes.add(key="text").value, "#" * len(given) + "x" * size)
    decoded = otlp.decode_traces(an_export(span).replace(b"#" * len(given), given), "protobuf")
    [found] = decoded.spans
    assert found.attributes["text"] == kept + "x" * size
    assert found.attributes.get("trimtab.repaired") == repairs


def test_a_large_value_that_is_no_text_alone_is_read_as_a_message() -> None:
    span, text = a_span(), "x" * 20_000
    put(span.attributes.add(key="list").value, [text, {"key": text}])
    put(span.attributes.add(key="bytes").value, text.encode())
    body = an_export(span)
    [found] = otlp.decode_traces(body, "protobuf").spans
    assert found.attributes["list"] == [text, {"key": text}]
    assert found.attributes["bytes"] == base64.b64encode(text.encode()).decode()
    # The same field twice: the last counts, as protobuf has it.
    value = AnyValue(string_value=text).SerializeToString() * 2
    again = bytes(a_span().SerializeToString()) + framed(
        0x4A, framed(0x0A, b"twice") + framed(0x12, value)
    )
    [found] = otlp.decode_traces(framed(0x0A, framed(0x12, framed(0x12, again))), "protobuf").spans
    assert found.attributes["twice"] == text


# -- slices --------------------------------------------------------------------------------------


def test_a_large_export_comes_in_slices_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "SLICE_SPANS", 300)
    spans = [a_span(str(n)) for n in range(1_000)]
    body = an_export(*spans)
    for encoded, encoding in ((body, "protobuf"), (json.dumps(as_json(body)).encode(), "json")):
        parts = [part.spans for part in traces.trace_slices(encoded, encoding)]
        assert len(parts) > 2
        assert max(map(len, parts)) <= 300 + wire.PIECE_RECORDS
        assert [span.name for part in parts for span in part] == [span.name for span in spans]


def test_what_is_wrong_with_the_frame_is_known_before_the_first_slice() -> None:
    body = an_export(*(a_span() for _ in range(5_000)))
    with pytest.raises(InvalidRequest, match="byte"):
        next(traces.trace_slices(body[:-1], "protobuf"))


def test_parts_of_an_export_are_joined_as_protobuf_says() -> None:
    first, second = an_export(a_span("a")), an_export(a_span("b"), service="other")
    decoded = otlp.decode_traces(first + second, "protobuf")
    assert [span.resource["service.name"] for span in decoded.spans] == ["shop", "other"]
    request = ExportTraceServiceRequest.FromString(first)
    scope = request.resource_spans[0].scope_spans[0]
    scope.schema_url = "https://example.test/1"
    scope.scope.version = "7"
    put(scope.scope.attributes.add(key="beta").value, True)
    (span,) = otlp.decode_traces(request.SerializeToString(), "protobuf").spans
    assert span.scope == "tests"
    assert span.resource["otel.scope.version"] == "7"
    assert span.resource["otel.scope.attributes"] == {"beta": True}


def test_spans_of_one_scope_share_their_resource() -> None:
    found = otlp.decode_traces(an_export(*(a_span() for _ in range(500))), "protobuf").spans
    assert len({id(span.resource) for span in found}) == 1


def test_records_without_end_are_too_many() -> None:
    body = b"\x12\x00" * 1_000_001
    for tag in (b"\x12", b"\x0a"):
        body = tag + wire.varint(len(body)) + body
    with pytest.raises(TooLarge, match="1000000"):
        otlp.decode_traces(body, "protobuf")
    with pytest.raises(TooLarge, match="1000000"):
        otlp.decode_traces(json_export("X").replace(b'"X"', b"{}," * 1_000_000 + b"{}"), "json")
    with pytest.raises(TooLarge, match="objects"):
        otlp.decode_traces(b"{}" * 4_000_001, "json")


# -- logs ----------------------------------------------------------------------------------------


def logs_export(*, name: str, trace_id: bytes, body: Any = None) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    log = request.resource_logs.add().scope_logs.add().log_records.add()
    log.trace_id, log.span_id, log.time_unix_nano = trace_id, b"s" * 8, NOW_NS
    if name.startswith("event:"):
        put(log.attributes.add(key="event.name").value, name.removeprefix("event:"))
    else:
        log.event_name = name
    put(log.attributes.add(key="gen_ai.system").value, "openai")
    put(log.body, body)
    return request


def json_logs(request: ExportLogsServiceRequest) -> bytes:
    message = json_format.MessageToDict(request)
    for entity in message["resourceLogs"]:
        for log in entity["scopeLogs"][0]["logRecords"]:
            for name in ("traceId", "spanId"):
                log[name] = base64.b64decode(log.get(name, "")).hex()
    return json.dumps(message).encode()


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("name", ["gen_ai.user.message", "event:gen_ai.choice"])
def test_a_log_of_a_model_call_becomes_an_event_of_its_span(
    name: str, encoding: otlp.Encoding
) -> None:
    request = logs_export(name=name, trace_id=b"t" * 16, body={"content": "hello"})
    body = request.SerializeToString() if encoding == "protobuf" else json_logs(request)
    decoded = otlp.decode_logs(body, encoding)
    (patch,) = decoded.patches
    assert (patch.trace_id, patch.span_id) == ((b"t" * 16).hex(), (b"s" * 8).hex())
    (event,) = patch.fields["events"]
    assert event["name"] == name.removeprefix("event:")
    assert event["time_ns"] == NOW_NS
    assert event["attributes"]["content"] == "hello"
    assert event["attributes"]["gen_ai.system"] == "openai"
    assert not patch.finished
    assert (decoded.records, decoded.rejected) == (1, 0)


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_other_logs_are_let_go_and_events_without_a_span_are_counted(
    encoding: otlp.Encoding,
) -> None:
    request = logs_export(name="http.request", trace_id=b"t" * 16, body="GET /")
    request.MergeFrom(logs_export(name="gen_ai.choice", trace_id=b"", body="x"))
    body = request.SerializeToString() if encoding == "protobuf" else json_logs(request)
    decoded = otlp.decode_logs(body, encoding)
    assert (decoded.patches, decoded.records, decoded.rejected) == ([], 2, 1)
    assert "names no span" in decoded.reason


# -- replies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@given(count=st.integers(1, 2**40))
def test_a_partial_success_says_how_many_and_why(signal: otlp.Signal, count: int) -> None:
    rejections = otlp.Rejections()
    rejections.add("no id – at all", count)
    found = ExportTraceServiceResponse.FromString(otlp.success(signal, rejections, "protobuf"))
    assert found.partial_success.rejected_spans == count
    assert found.partial_success.error_message == f"{count} x no id – at all"
    part = json.loads(otlp.success(signal, rejections, "json"))["partialSuccess"]
    assert part["errorMessage"] == f"{count} x no id – at all"
    assert set(part.values()) == {str(count), part["errorMessage"]}


def test_a_failure_says_when_to_come_back() -> None:
    body = otlp.failure(503, "later, please – thanks", "protobuf", retry_after_s=1.5)
    status = status_pb2.Status.FromString(body)
    assert (status.code, status.message) == (14, "later, please – thanks")
    retry = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 1.5
    assert json.loads(otlp.failure(400, "no", "json")) == {"code": 3, "message": "no"}
