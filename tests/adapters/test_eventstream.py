"""AWS event streams become server-sent events, whole or not at all, wherever they are split."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from tests.adapters.eventstream_frames import chunk, event, exception, frame, sealed

from trimtab.kit import sse
from trimtab.kit.http1 import ProtocolError
from trimtab.providers import eventstream

# Messages of the encoding's own test vectors (github.com/awslabs/aws-c-event-stream).
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
ONE_STRING_HEADER = bytes.fromhex(
    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
    "7b27666f6f273a27626172277d8d9c08b1"
)
TALK = [
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Grüße"}}),
    event("messageStop", {"stopReason": "end_turn"}),
]


def decode(decoder: eventstream.Decoder, *pieces: bytes) -> bytes:
    return b"".join([*map(decoder.feed, pieces), decoder.end()])


def events(data: bytes) -> list[tuple[str, object]]:
    decoder = sse.Decoder()
    found = [(each.name, json.loads(each.data or "null")) for each in decoder.feed(data)]
    assert decoder.rest == b""
    return found


def test_published_messages_are_read() -> None:
    frames = eventstream.Frames().feed(EMPTY + ONE_STRING_HEADER)
    assert [(dict(each.headers), each.payload) for each in frames] == [
        ({}, b""),
        ({"content-type": "application/json"}, b"{'foo':'bar'}"),
    ]


def test_headers_of_every_type_are_passed_over() -> None:
    headers = b"".join(
        bytes([2]) + b"h" + bytes([65 + kind]) + bytes([kind]) + value
        for kind, value in enumerate(
            [
                b"",
                b"",
                b"\x01",
                b"\x00\x01",
                b"\x00" * 4,
                b"\x00" * 8,
                b"\x00\x02\xff\xfe",
                b"\x00\x02hi",
                b"\x00" * 8,
                b"\x00" * 16,
            ]
        )
    )
    (message,) = eventstream.Frames().feed(sealed(headers, b"{}"))
    assert dict(message.headers) == {"hH": "hi"}


def test_converse_events_keep_their_names_and_payloads() -> None:
    assert events(decode(eventstream.converse(), b"".join(TALK))) == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Grüße"}}),
        ("messageStop", {"stopReason": "end_turn"}),
    ]


def test_a_stream_split_at_every_byte_says_the_same() -> None:
    stream = b"".join(TALK)
    whole = decode(eventstream.converse(), stream)
    assert decode(eventstream.converse(), *(stream[n : n + 1] for n in range(len(stream)))) == whole
    for cut in range(1, len(stream)):
        assert decode(eventstream.converse(), stream[:cut], stream[cut:]) == whole


def test_chunks_of_claude_pass_byte_for_byte() -> None:
    inner = [
        b'{"type":"message_start",  "message": {"big": 123456789012345678901234567890}}',
        b'{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"a+/="}}',
    ]
    assert decode(eventstream.anthropic(), *map(chunk, inner)) == b"".join(
        [
            b"event: message_start\ndata: " + inner[0] + b"\n\n",
            b"event: content_block_delta\ndata: " + inner[1] + b"\n\n",
        ]
    )


def test_an_exception_is_an_error_event_of_the_dialect() -> None:
    raised = exception("throttlingException", {"message": "Too many tokens"})
    assert events(decode(eventstream.converse(), raised)) == [
        ("throttlingException", {"message": "Too many tokens"})
    ]
    error = {"type": "rate_limit_error", "message": "Too many tokens"}
    assert events(decode(eventstream.anthropic(), raised)) == [
        ("error", {"type": "error", "error": error})
    ]


def test_an_unmodelled_error_is_told_by_its_headers() -> None:
    raised = frame(b"", message_type="error", error_code="InternalError", error_message="boom")
    assert events(decode(eventstream.converse(), raised)) == [
        ("error", {"message": "boom", "__type": "InternalError"})
    ]
    assert events(decode(eventstream.anthropic(), raised)) == [
        ("error", {"type": "error", "error": {"type": "api_error", "message": "boom"}})
    ]


def test_a_name_cannot_write_events_of_its_own() -> None:
    told = decode(eventstream.converse(), frame(b"{}", event_type="a\ndata: {}\n\nevent: b"))
    assert events(told) == [("message", {})]


@pytest.mark.parametrize("position", range(len(TALK[0])))
def test_no_damaged_byte_gets_through(position: int) -> None:
    damaged = bytearray(TALK[0])
    damaged[position] ^= 0x20
    decoder = eventstream.converse()
    with pytest.raises(ProtocolError, match="event stream"):
        decoder.feed(bytes(damaged))
    with pytest.raises(ProtocolError):
        decoder.feed(TALK[1])


@pytest.mark.parametrize("cut", [1, 11, 12, 40, len(TALK[0]) - 1])
def test_an_end_inside_of_a_message_is_an_error(cut: int) -> None:
    decoder = eventstream.converse()
    assert decoder.feed(TALK[0][:cut]) == b""
    with pytest.raises(ProtocolError, match="cut off"):
        decoder.end()


@pytest.mark.parametrize(("total", "headers"), [(15, 0), (0, 0), (2**32 - 1, 0), (100, 90)])
def test_impossible_lengths_are_refused_before_anything_is_collected(
    total: int, headers: int
) -> None:
    prelude = struct.pack("!II", total, headers)
    with pytest.raises(ProtocolError, match="impossible lengths"):
        eventstream.converse().feed(prelude + struct.pack("!I", zlib.crc32(prelude)))


def test_headers_that_lie_about_their_length_are_refused() -> None:
    with pytest.raises(ProtocolError, match="headers"):
        eventstream.converse().feed(sealed(b"\x05:abcd\x07\x00\xffshort", b"{}"))


@pytest.mark.parametrize("payload", [b"{}", b"no json", b'{"bytes": "%%%"}', b'{"bytes": "bm8="}'])
def test_a_chunk_without_an_event_is_an_error(payload: bytes) -> None:
    with pytest.raises(ProtocolError, match="no JSON event"):
        eventstream.anthropic().feed(frame(payload, event_type="chunk", message_type="event"))
