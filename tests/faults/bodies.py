"""Bad exports of spans, each with what must become of it: one row of the table of bad payloads."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire
from tests.api.otlp import NOW_NS, PROTOBUF, a_span, an_export, as_json, with_attribute

from trimtab.dialects.otlp.wire import varint
from trimtab.kit import zstd

MIB = 1024 * 1024
JSON = "application/json"
YEAR_1970_NS = 86_400 * 10**9
YEAR_2500_NS = 16_725_225_600_000_000_000
LAST_NS = 2**63 - 1


@dataclass(frozen=True)
class Sent:
    """A body and what is asked of the server.

    `rejected` is the count of the partial success; `kept` and `gone` are spans that must be there
    afterwards, and must not; `repairs` is what the kept ones must be flagged with.
    """

    body: bytes
    status: int = 200
    rejected: int = 0
    reason: str = ""
    kept: Sequence[Wire] = ()
    gone: Sequence[Wire] = ()
    repairs: Sequence[str] | None = None
    content_type: str | None = PROTOBUF
    encoding: str = ""
    expect: Callable[[dict[str, Any]], bool] = lambda _: True


CASES: dict[str, Callable[[], Sent]] = {}
Make = Callable[[], Sent]


def case(name: str) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        CASES[name] = make
        return make

    return add


def cases(names: dict[str, Any], make: Callable[[Any], Sent]) -> None:
    """Rows that differ in one value."""
    for name, value in names.items():
        CASES[name] = lambda value=value: make(value)


def json_body(*spans: Wire) -> bytes:
    return json.dumps(as_json(an_export(*spans))).encode()


def framed(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + varint(len(data)) + data


def scope_export(records: bytes) -> bytes:
    """An export of one scope whose records are already on the wire."""
    return framed(0x0A, framed(0x12, records))


# -- the frame -----------------------------------------------------------------------------------

WHOLE = an_export(a_span())

cases(
    {
        "malformed protobuf": b"this is no export",
        "truncated protobuf": WHOLE[:-7],
        "a length past the end": b"\x0a\xff\xff\xff\x7f",
        "an endless number": b"\x0a" + b"\xff" * 20,
        "trailing garbage": WHOLE + b"\xff\xff garbage",
    },
    lambda body: Sent(body, 400, reason="OTLP"),
)
cases(
    {
        "malformed JSON": b'{"resourceSpans": [',
        "JSON that is no export": b"[]",
        "JSON nested 10,000 levels deep": b'{"resourceSpans":' + b"[" * 10_000 + b"]" * 10_000,
    },
    lambda body: Sent(body, 400, reason="OTLP", content_type=JSON),
)


@case("trailing garbage behind JSON")
def _() -> Sent:
    span = a_span()
    return Sent(json_body(span) + b"garbage", 400, gone=[span], reason="OTLP", content_type=JSON)


cases(
    {
        "empty body": (PROTOBUF, ""),
        "empty body in JSON": (JSON, ""),
        "empty body said to be gzip": (PROTOBUF, "gzip"),
        "empty body said to be zstd": (PROTOBUF, "zstd"),
    },
    lambda how: Sent(b"", content_type=how[0], encoding=how[1]),
)
cases(
    {
        "no content-type": None,
        "an empty content-type": "",
        "text/plain": "text/plain",
        "application/octet-stream": "application/octet-stream",
        "a form": "application/x-www-form-urlencoded",
    },
    lambda content_type: Sent(WHOLE, 415, content_type=content_type, reason=PROTOBUF),
)
cases(
    {
        "application/x-protobuf; charset=utf-8": f"{PROTOBUF}; charset=utf-8",
        "a content-type in capitals": PROTOBUF.upper(),
    },
    lambda content_type: _plain(content_type=content_type),
)


def _plain(**given: Any) -> Sent:
    span = a_span()
    return Sent(an_export(span), kept=[span], **given)


@case("OTLP/JSON with ids in hex")
def _() -> Sent:
    span = a_span()
    return Sent(json_body(span), kept=[span], content_type=JSON)


# -- compression ---------------------------------------------------------------------------------

cases(
    {"gzip": ("gzip", gzip.compress), "zstd": ("zstd", zstd.compress)},
    lambda how: _compressed(*how),
)


def _compressed(encoding: str, compress: Callable[[bytes], bytes]) -> Sent:
    span = a_span()
    return Sent(compress(an_export(span)), kept=[span], encoding=encoding)


cases(
    {
        "plain body said to be gzip": ("gzip", WHOLE),
        "plain body said to be zstd": ("zstd", WHOLE),
        "gzip cut off": ("gzip", gzip.compress(WHOLE)[:-5]),
        "zstd cut off": ("zstd", zstd.compress(WHOLE)[:-5]),
        "garbage behind gzip": ("gzip", gzip.compress(WHOLE) + b"garbage!"),
        "garbage behind zstd": ("zstd", zstd.compress(WHOLE) + b"garbage!"),
    },
    lambda how: Sent(how[1], 400, encoding=how[0], reason=how[0]),
)
cases(
    {"an unknown content-encoding": "br", "two content-encodings": "gzip, gzip"},
    lambda encoding: Sent(WHOLE, 415, encoding=encoding, reason="zstd"),
)


@case("gzip bomb of 300 MiB")
def _() -> Sent:
    return Sent(_blank("gzip", 300), 413, encoding="gzip", reason="inflated")


@case("zstd bomb of 300 MiB")
def _() -> Sent:
    return Sent(_blank("zstd", 300), 413, encoding="zstd", reason="inflated")


@case("gzip bomb in members")
def _() -> Sent:
    return Sent(_blank("gzip", 10) * 30, 413, encoding="gzip", reason="inflated")


@case("zstd bomb in frames")
def _() -> Sent:
    return Sent(_blank("zstd", 10) * 30, 413, encoding="zstd", reason="inflated")


def _blank(encoding: str, mib: int) -> bytes:
    zeros = bytes(mib * MIB)
    return gzip.compress(zeros, 6) if encoding == "gzip" else zstd.compress(zeros)


# -- size ----------------------------------------------------------------------------------------


@case("a 100 MiB attribute")
def _() -> Sent:
    return Sent(_large(100), 413, reason="body_bytes")


@case("a 100 MiB attribute in gzip")
def _() -> Sent:
    return Sent(gzip.compress(_large(100), 1), 413, encoding="gzip", reason="inflated")


def _large(mib: int) -> bytes:
    return an_export(
        with_attribute(a_span(), "text", string_value="ten chars " * (mib * MIB // 10))
    )


cases(
    {"a 20 MiB attribute": 20, "a 60 MiB attribute": 60},
    lambda mib: _kept_large(mib * MIB // 10 * 10),
)


def _kept_large(size: int) -> Sent:
    span = with_attribute(a_span(), "text", string_value="ten chars " * (size // 10))
    return Sent(
        gzip.compress(an_export(span), 1),
        kept=[span],
        encoding="gzip",
        expect=lambda found: len(found["attributes"]["text"]) == size,
    )


@case("a span name of 60 MiB")
def _() -> Sent:
    span = a_span("n" * 60 * MIB)
    return Sent(
        gzip.compress(an_export(span), 1),
        kept=[span],
        encoding="gzip",
        repairs=["name"],
        expect=lambda found: (
            len(found["name"]) < 20_000
            and len(found["attributes"]["trimtab.whole"]["name"]) == 60 * MIB
        ),
    )


@case("50,000 spans in one request")
def _() -> Sent:
    first, last = a_span(), a_span()
    many = [a_span() for _ in range(49_998)]
    return Sent(
        gzip.compress(an_export(first, *many, last), 1), kept=[first, last], encoding="gzip"
    )


@case("1,000,000 spans in one request")
def _() -> Sent:
    # All but two without an id, which is refused span by span.
    first, last = a_span(), a_span()
    records = bytes(
        ScopeSpans(spans=[first]).SerializeToString()
        + b"\x12\x00" * 999_990
        + ScopeSpans(spans=[last]).SerializeToString()
    )
    return Sent(scope_export(records), kept=[first, last], rejected=999_990, reason="trace_id")


@case("1,000,001 spans in one request")
def _() -> Sent:
    return Sent(scope_export(b"\x12\x00" * 1_000_001), 413, reason="1000000")


@case("a span of 500,000 events")
def _() -> Sent:
    good, bad = a_span(), a_span()
    records = bytes(ScopeSpans(spans=[good]).SerializeToString()) + framed(
        0x12, bad.SerializeToString() + b"\x5a\x00" * 500_000
    )
    return Sent(scope_export(records), kept=[good], gone=[bad], rejected=1, reason="200000 fields")


@case("a kvlist nested 10,000 levels deep")
def _() -> Sent:
    good, bad = a_span(), a_span()
    value = framed(0x0A, b"core")
    for _ in range(10_000):
        # AnyValue { kvlist_value: { values: { key: "k", value: ... } } }
        entry = framed(0x0A, b"k") + framed(0x12, value)
        value = framed(0x32, framed(0x0A, entry))
    attribute = framed(0x0A, b"deep") + framed(0x12, value)
    records = bytes(ScopeSpans(spans=[good]).SerializeToString()) + framed(
        0x12, bad.SerializeToString() + framed(0x4A, attribute)
    )
    return Sent(scope_export(records), kept=[good], gone=[bad], rejected=1, reason="nested")


# -- identity and time ---------------------------------------------------------------------------


cases(
    {
        "a trace_id of 3 bytes": {"trace_id": b"abc"},
        "a trace_id of 17 bytes": {"trace_id": b"a" * 17},
        "a zero trace_id": {"trace_id": bytes(16)},
        "an empty trace_id": {"trace_id": b""},
    },
    lambda fields: _unstorable(fields, "trace_id"),
)
cases(
    {
        "a span_id of 3 bytes": {"span_id": b"abc"},
        "a span_id of 9 bytes": {"span_id": b"a" * 9},
        "a zero span_id": {"span_id": bytes(8)},
        "an empty span_id": {"span_id": b""},
    },
    lambda fields: _unstorable(fields, "span_id"),
)
cases(
    {
        "the year 2500": {
            "start_time_unix_nano": YEAR_2500_NS,
            "end_time_unix_nano": YEAR_2500_NS,
        },
        "an end in the year 2500": {"end_time_unix_nano": YEAR_2500_NS},
        "the greatest time there is": {
            "start_time_unix_nano": 2**64 - 1,
            "end_time_unix_nano": 2**64 - 1,
        },
    },
    lambda fields: _unstorable(fields, "2262"),
)


def _unstorable(fields: dict[str, Any], reason: str) -> Sent:
    before, bad, after = a_span(), a_span(**fields), a_span()
    body = an_export(before, bad, bad, after)
    # A span without ids cannot be asked for.
    valid = len(bad.trace_id) == 16 and len(bad.span_id) == 8
    asked = [bad] if valid and any(bad.trace_id) and any(bad.span_id) else []
    return Sent(body, rejected=2, reason=reason, kept=[before, after], gone=asked)


cases(
    {
        "end before start": ({"end_time_unix_nano": NOW_NS - 10**9}, ["end_time"]),
        "no end": ({"end_time_unix_nano": 0}, ["end_time"]),
        "time 0": ({"start_time_unix_nano": 0, "end_time_unix_nano": 0}, ["start_time"]),
        "a parent of 3 bytes": ({"parent_span_id": b"abc"}, ["parent_id"]),
        "NUL in the name": ({"name": "a\0b"}, ["nul"]),
        "the far past": (
            {"start_time_unix_nano": YEAR_1970_NS, "end_time_unix_nano": YEAR_1970_NS},
            None,
        ),
        "the last time there is": (
            {"start_time_unix_nano": LAST_NS, "end_time_unix_nano": LAST_NS},
            ["future"],
        ),
    },
    lambda how: _repaired(a_span(**how[0]), how[1]),
)


def _repaired(span: Wire, repairs: list[str] | None, **given: Any) -> Sent:
    return Sent(an_export(span), kept=[span], repairs=repairs, **given)


@case("NUL in an attribute")
def _() -> Sent:
    span = with_attribute(a_span(), "text", string_value="a\0b")
    return _repaired(span, ["nul"], expect=lambda found: found["attributes"]["text"] == "a\ufffdb")


@case("NaN, infinities and the greatest integers")
def _() -> Sent:
    span = with_attribute(a_span(), "max", int_value=2**63 - 1)
    with_attribute(span, "min", int_value=-(2**63))
    for name, value in (("nan", math.nan), ("inf", math.inf)):
        with_attribute(span, name, double_value=value)
    wanted = {"max": 2**63 - 1, "min": -(2**63), "nan": "NaN", "inf": "Infinity"}
    return _repaired(span, None, expect=lambda found: wanted.items() <= found["attributes"].items())


@case("the same span twice in one request")
def _() -> Sent:
    span = a_span()
    return Sent(an_export(span, span), kept=[span])


# -- text that is none ---------------------------------------------------------------------------


cases(
    {
        "a lone surrogate in JSON": (b"\\ud83d", True),
        "bytes that are no UTF-8 in JSON": (b"\xff", True),
        "bytes that are no UTF-8 in protobuf": (b"\xff\xfe\xff\xff", False),
        # Half a pair as some write it: UTF-8 of U+D83D, which UTF-8 does not have.
        "a lone surrogate in protobuf": (b"\xed\xa0\xbd\xed", False),
    },
    lambda how: _no_text(*how),
)


def _no_text(harm: bytes, in_json: bool) -> Sent:
    good, bad = a_span("good"), with_attribute(a_span("bad"), "text", string_value="####")
    spans = (good, bad)
    body = json_body(*spans) if in_json else an_export(*spans)
    return Sent(
        body.replace(b"####", harm),
        kept=[bad],
        repairs=["encoding"],
        content_type=JSON if in_json else PROTOBUF,
        expect=lambda found: found["attributes"]["text"] == "\ufffd",
    )
