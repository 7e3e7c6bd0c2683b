"""Bad exports: rejected one by one with a reason, or as a whole in the caller's encoding."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from backports.zstd import CompressionParameter, ZstdCompressor
from google.rpc import status_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from tests.api.otlp import (
    NOW_NS,
    PROTOBUF,
    a_span,
    an_export,
    as_json,
    post,
    rejected,
    stored,
    with_attribute,
)
from tests.processes import serving
from tests.serving import Reply, Served, configured, served

from trimtab.dialects.otlp.wire import varint
from trimtab.kit import zstd

MIB = 1024 * 1024
LIMIT_BYTES = 4 * MIB
SIGNALS = ("traces", "logs", "metrics")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = {"limits.inflated_bytes": LIMIT_BYTES, "limits.body_bytes": 2 * MIB}
    with served(configured(tmp_path_factory.mktemp("otlp") / "data", **limits)) as running:
        yield running


def refused(reply: Reply, status: int, *, encoding: str = PROTOBUF) -> str:
    """The message of a google.rpc.Status."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == encoding
    if encoding == "application/json":
        assert set(reply.json) == {"code", "message"}
        return str(reply.json["message"])
    found = status_pb2.Status.FromString(reply.body)
    assert found.code > 0
    return str(found.message)


# -- the whole body ------------------------------------------------------------------------------

WHOLE = an_export(a_span())
BROKEN = {
    "text": b"this is no export",
    "truncated": WHOLE[:-7],
    "a length past the end": b"\x0a\xff\xff\xff\x7f",
    "an endless number": b"\x0a" + b"\xff" * 20,
    "a group": b"\x0b\x0c",
    "a number where a message belongs": b"\x08\x01",
}


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("case", BROKEN)
def test_a_body_that_is_no_export_is_a_400(server: Served, case: str, signal: str) -> None:
    reply = post(server, BROKEN[case], path=f"/v1/{signal}")
    assert "OTLP" in refused(reply, 400)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"7", b'{"resourceSpans": 1, "resourceLogs": 1, "resourceMetrics": 1}', b"\xff"],
)
def test_a_json_body_that_is_no_export_is_a_400(server: Served, body: bytes, signal: str) -> None:
    reply = post(server, body, path=f"/v1/{signal}", content_type="application/json")
    assert "OTLP" in refused(reply, 400, encoding="application/json")


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("encoding", ["", "gzip", "zstd", "deflate"])
def test_an_empty_body_is_an_export_of_nothing(server: Served, signal: str, encoding: str) -> None:
    for content_type, answer in ((PROTOBUF, b""), ("application/json", b"{}")):
        reply = post(
            server,
            b"",
            path=f"/v1/{signal}",
            content_type=content_type,
            content_encoding=encoding,
        )
        assert (reply.status, reply.body) == (200, answer)
        assert reply.headers["content-type"] == content_type


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/octet-stream"])
def test_another_content_type_is_a_415_that_names_those_taken(
    server: Served, content_type: str | None
) -> None:
    reply = post(server, WHOLE, content_type=content_type)
    assert PROTOBUF in refused(reply, 415, encoding="application/json")


def test_parameters_of_the_content_type_do_not_matter(server: Served) -> None:
    span = a_span()
    reply = post(server, an_export(span), content_type=f"{PROTOBUF.upper()}; charset=utf-8")
    assert rejected(reply) == (0, "")
    assert stored(server, span)


# -- compression ---------------------------------------------------------------------------------


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


COMPRESSED = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "gzip in members": ("gzip", lambda b: gzip.compress(b[:40]) + gzip.compress(b[40:])),
    "gzip padded": ("gzip", lambda b: gzip.compress(b) + bytes(100)),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", raw_deflate),
    "zstd": ("zstd", zstd.compress),
    "zstd in frames": ("ZSTD", lambda b: zstd.compress(b[:40]) + zstd.compress(b[40:])),
    "identity": ("identity", bytes),
}


@pytest.mark.parametrize("case", COMPRESSED)
def test_a_compressed_body_is_inflated(server: Served, case: str) -> None:
    encoding, compress = COMPRESSED[case]
    span = with_attribute(a_span(), "text", string_value="again " * 50_000)
    reply = post(server, compress(an_export(span)), content_encoding=encoding)
    assert rejected(reply) == (0, "")
    kept = stored(server, span)
    assert kept
    assert kept.attributes["text"] == "again " * 50_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("harm", ["plain", "cut off", "garbage behind"])
def test_a_body_that_is_not_of_its_encoding_is_a_400(
    server: Served, encoding: str, harm: str
) -> None:
    good = COMPRESSED[encoding][1](WHOLE)
    body = {"plain": WHOLE, "cut off": good[:-5], "garbage behind": good + b"garbage!"}[harm]
    assert encoding in refused(post(server, body, content_encoding=encoding), 400)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress"])
def test_an_encoding_that_is_not_known_is_a_415(server: Served, encoding: str) -> None:
    message = refused(post(server, WHOLE, content_encoding=encoding), 415)
    assert "zstd" in message


def test_a_zstd_window_that_would_take_much_memory_is_refused(server: Served) -> None:
    packer = ZstdCompressor(options={CompressionParameter.window_log: 27})
    body = packer.compress(b"x") + packer.flush()
    assert "zstd" in refused(post(server, body, content_encoding="zstd"), 400)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_body_that_inflates_beyond_the_limit_is_a_413(server: Served, encoding: str) -> None:
    bomb = COMPRESSED[encoding][1](bytes(LIMIT_BYTES + 1))
    assert str(LIMIT_BYTES) in refused(post(server, bomb, content_encoding=encoding), 413)


def test_a_body_over_the_limit_of_the_wire_is_a_413_declared_or_not(server: Served) -> None:
    span = with_attribute(a_span(), "text", string_value="x" * 3 * MIB)
    assert "body_bytes" in refused(post(server, an_export(span)), 413)
    assert "body_bytes" in refused(post(server, b"", content_length=str(3 * MIB)), 413)
    assert stored(server, span) is None


def test_a_large_attribute_within_the_limits_is_kept_whole(server: Served) -> None:
    text = "a large attribute " * (3 * MIB // 18)
    span = with_attribute(a_span(), "text", string_value=text)
    assert rejected(post(server, gzip.compress(an_export(span)), content_encoding="gzip"))[0] == 0
    kept = stored(server, span)
    assert kept
    assert kept.attributes["text"] == text


@pytest.mark.slow
def test_a_bomb_does_not_take_more_memory_than_the_limit(tmp_path: Path) -> None:
    bombs = {
        "gzip": gzip.compress(bytes(300 * MIB)),
        "zstd": zstd.compress(bytes(300 * MIB)),
    }
    with serving(tmp_path / "data") as server:
        process = psutil.Process(server.process.pid)
        ask = Served(None, server.client.url, None).ask  # type: ignore[arg-type]
        before = process.memory_info().rss
        peak = before
        for encoding, bomb in bombs.items():
            headers = {"content-type": PROTOBUF, "content-encoding": encoding}
            assert ask("POST", "/v1/traces", bomb, headers).status == 413
            peak = max(peak, _peak(process))
    assert peak - before < 100 * MIB


def _peak(process: psutil.Process) -> int:
    """The greatest resident size so far, as the kernel counted it."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


# -- span by span --------------------------------------------------------------------------------

YEAR_2500 = 16_725_225_600_000_000_000
UNSTORABLE = {
    "a trace_id of 3 bytes": {"trace_id": b"abc"},
    "a trace_id of 17 bytes": {"trace_id": b"a" * 17},
    "a zero trace_id": {"trace_id": bytes(16)},
    "an empty trace_id": {"trace_id": b""},
    "a span_id of 3 bytes": {"span_id": b"abc"},
    "a zero span_id": {"span_id": bytes(8)},
    "an empty span_id": {"span_id": b""},
    "the year 2500": {"start_time_unix_nano": YEAR_2500, "end_time_unix_nano": YEAR_2500},
    "an end in the year 2500": {"end_time_unix_nano": YEAR_2500},
}


@pytest.mark.parametrize("case", UNSTORABLE)
def test_a_span_that_cannot_be_kept_is_counted_and_the_others_are_kept(
    server: Served, case: str
) -> None:
    before, after, bad = a_span(), a_span(), a_span(**UNSTORABLE[case])
    count, reason = rejected(post(server, an_export(before, bad, bad, after)))
    assert count == 2
    assert reason.startswith("2 x ")
    assert stored(server, before)
    assert stored(server, after)
    assert stored(server, bad) is None


@pytest.mark.parametrize("case", UNSTORABLE)
def test_a_span_in_json_that_cannot_be_kept_is_counted(server: Served, case: str) -> None:
    good, bad = a_span(), a_span(**UNSTORABLE[case])
    body = json.dumps(as_json(an_export(good, bad))).encode()
    reply = post(server, body, content_type="application/json")
    assert reply.status == 200
    part = reply.json["partialSuccess"]
    assert (part["rejectedSpans"], part["errorMessage"][:4]) == ("1", "1 x ")
    assert stored(server, good)


REPAIRED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "end before start": ({"end_time_unix_nano": NOW_NS - 1}, ["end_time"]),
    "no end": ({"end_time_unix_nano": 0}, ["end_time"]),
    "no start": ({"start_time_unix_nano": 0}, ["start_time"]),
    "time 0": ({"start_time_unix_nano": 0, "end_time_unix_nano": 0}, ["start_time"]),
    "NUL in the name": ({"name": "a\0b"}, ["nul"]),
    "a parent of 3 bytes": ({"parent_span_id": b"abc"}, ["parent_id"]),
}


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("case", REPAIRED)
def test_a_span_that_can_be_made_storable_is_kept_and_flagged(
    server: Served, case: str, encoding: str
) -> None:
    fields, repairs = REPAIRED[case]
    span = a_span(**fields)
    body = an_export(span)
    if encoding == "json":
        message = json.dumps(as_json(body)).encode()
        assert post(server, message, content_type="application/json").body == b"{}"
    else:
        assert rejected(post(server, body)) == (0, "")
    kept = stored(server, span)
    assert kept
    assert kept.attributes["trimtab.repaired"] == repairs
    assert kept.end_ns >= kept.start_ns
    assert "\0" not in kept.name


def test_values_that_stores_refuse_are_kept_in_another_form(server: Served) -> None:
    span = with_attribute(a_span(), "nul\0", string_value="a\0b")
    for name, value in (("nan", math.nan), ("inf", math.inf), ("-inf", -math.inf)):
        with_attribute(span, name, double_value=value)
    with_attribute(span, "max", int_value=2**63 - 1)
    with_attribute(span, "min", int_value=-(2**63))
    assert rejected(post(server, an_export(span))) == (0, "")
    kept = stored(server, span)
    assert kept
    assert kept.attributes["nul\ufffd"] == "a\ufffdb"
    assert [kept.attributes[name] for name in ("nan", "inf", "-inf")] == [
        "NaN",
        "Infinity",
        "-Infinity",
    ]
    assert (kept.attributes["max"], kept.attributes["min"]) == (2**63 - 1, -(2**63))
    assert kept.attributes["trimtab.repaired"] == ["nul"]


def test_a_time_at_the_last_storable_moment_is_kept(server: Served) -> None:
    span = a_span(start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**63 - 1)
    assert rejected(post(server, an_export(span))) == (0, "")
    kept = stored(server, span)
    assert kept
    assert (kept.start_ns, kept.end_ns) == (2**63 - 1, 2**63 - 1)


def test_spans_of_years_ago_and_of_a_clock_that_was_set_back_are_kept(server: Served) -> None:
    old = a_span(start_time_unix_nano=10**18, end_time_unix_nano=10**18 + 1)
    early = a_span(start_time_unix_nano=NOW_NS - 10**12, end_time_unix_nano=NOW_NS)
    for span in (a_span(), early, old):
        assert rejected(post(server, an_export(span))) == (0, "")
        assert stored(server, span)


def test_text_that_is_no_utf8_is_repaired_where_it_stands(server: Served) -> None:
    good, bad = a_span("good"), with_attribute(a_span("bad"), "text", string_value="caf####")
    body = an_export(good, bad).replace(b"caf####", b"caf\xe9\xff\xfe!")
    assert rejected(post(server, body)) == (0, "")
    kept = stored(server, bad)
    assert kept
    assert kept.attributes["text"] == "caf\ufffd!"
    assert kept.attributes["trimtab.repaired"] == ["encoding"]
    untouched = stored(server, good)
    assert untouched
    assert "trimtab.repaired" not in untouched.attributes


@pytest.mark.parametrize("field", ["name", "key", "scope"])
def test_names_that_are_no_utf8_are_repaired(server: Served, field: str) -> None:
    span = with_attribute(a_span("name##"), "key##", string_value="x")
    body = an_export(span).replace(f"{field}##".encode(), field.encode() + b"\xc3\x28")
    if field == "scope":
        body = an_export(span, service="scope##").replace(b"scope##", b"scope\xc3\x28")
    assert rejected(post(server, body)) == (0, "")
    kept = stored(server, span)
    assert kept
    flagged = kept.resource if field == "scope" else kept.attributes
    assert flagged["trimtab.repaired"] == ["encoding"]


@pytest.mark.parametrize("harm", [b"\\ud83d", b"\xff"], ids=["half a pair", "no UTF-8"])
def test_text_in_json_that_is_none_is_repaired_where_it_stands(server: Served, harm: bytes) -> None:
    good, bad = a_span(), with_attribute(a_span("bad"), "text", string_value="####")
    body = json.dumps(as_json(an_export(good, bad))).encode().replace(b"####", harm)
    assert post(server, body, content_type="application/json").body == b"{}"
    kept = stored(server, bad)
    assert kept
    assert kept.attributes["text"] == "\ufffd"
    assert kept.attributes["trimtab.repaired"] == ["encoding"]
    untouched = stored(server, good)
    assert untouched
    assert "trimtab.repaired" not in untouched.attributes


def framed(tag: bytes, data: bytes) -> bytes:
    return tag + varint(len(data)) + data


def test_a_span_of_very_many_fields_is_rejected_before_it_is_in_memory(server: Served) -> None:
    good, bad = a_span(), a_span("bad")
    # An event of nothing takes two bytes on the wire, and a hundred times that when decoded.
    bad_bytes = bad.SerializeToString() + b"\x5a\x00" * 500_000
    scope = ScopeSpans(spans=[good]).SerializeToString() + framed(b"\x12", bad_bytes)
    body = framed(b"\x0a", framed(b"\x12", scope))
    count, reason = rejected(post(server, body))
    assert count == 1
    assert "200000 fields" in reason
    assert stored(server, good)


# -- anything ------------------------------------------------------------------------------------


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.data(),
    path=st.sampled_from([f"/v1/{signal}" for signal in SIGNALS]),
    encoding=st.sampled_from(["", "gzip", "zstd", "deflate"]),
    content_type=st.sampled_from([PROTOBUF, "application/json"]),
)
def test_whatever_is_posted_there_is_an_answer_below_500(
    server: Served, data: st.DataObject, path: str, encoding: str, content_type: str
) -> None:
    whole = WHOLE if content_type == PROTOBUF else json.dumps(as_json(WHOLE)).encode()
    at = data.draw(st.integers(0, len(whole)))
    harm = data.draw(st.binary(max_size=8))
    body = whole[:at] + harm + whole[at + data.draw(st.integers(0, 8)) :]
    compress = COMPRESSED[encoding][1] if encoding else bytes
    reply = post(
        server,
        compress(body),
        path=path,
        content_type=content_type,
        content_encoding=encoding,
    )
    assert reply.status in (200, 400), reply.body
    assert reply.headers["content-type"] == content_type


def test_a_slow_sender_of_a_bomb_is_cut_off_while_it_sends(server: Served) -> None:
    bomb = gzip.compress(bytes(200 * MIB))
    assert len(bomb) < MIB
    refused(post(server, bomb, content_encoding="gzip"), 413)


def test_a_span_of_the_future_is_kept_and_flagged(server: Served) -> None:
    start_ns = server.app.clock.now_ns() + 400 * 86_400 * 10**9
    ahead = a_span(start_time_unix_nano=start_ns, end_time_unix_nano=start_ns + 1)
    assert rejected(post(server, an_export(ahead)))[0] == 0
    kept = stored(server, ahead)
    assert kept
    assert (kept.start_ns, kept.attributes["trimtab.repaired"]) == (start_ns, ["future"])
    trace_id = ahead.trace_id.hex()
    listed, until_now = (
        {row["trace_id"] for row in server.client.traces(asked, limit=200)}
        for asked in (None, "until:0h")
    )
    assert (trace_id in listed, trace_id in until_now) == (True, False)
