"""Server-sent events survive every way of cutting them into chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.kit import sse
from trimtab.kit.sse import Decoder, Event, EventTooLarge

LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data:  two spaces",
        b"data",
        b"data:",
        b"data: \xe2\x82\xac \xf0\x9f\x98\x80",
        b"data: broken \xff utf-8",
        b'data: {"a": "b: c"}',
        b"event: delta",
        b"event:",
        b"id: 7",
        b"retry: 100",
        b": a comment",
        b":",
        b"unknown: field",
        b"\xef\xbb\xbfdata: a mark in the middle",
        b"data : not data",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
# Of one kind in most streams, which are read another way.
ALIKE = st.lists(st.tuples(LINES, st.just(b"\n")), max_size=14)
MIXED = st.lists(st.tuples(LINES, ENDS), max_size=14)
STREAMS = st.builds(
    lambda mark, lines: mark + b"".join(line + end for line, end in lines),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
    ALIKE | MIXED,
)


def reference(stream: bytes) -> list[tuple[str, str]]:
    """Data and name of the events of a whole stream, line by line as WHATWG HTML 9.2.6 says."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    dispatched, data, name = [], [], ""
    lines = re.split("\r\n|\r|\n", text)
    for line in lines[:-1]:
        if line == "":
            if data:
                dispatched.append(("\n".join(data), name or "message"))
            data, name = [], ""
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
    return dispatched


def decoded(chunks: Iterable[bytes]) -> tuple[list[Event], bytes]:
    decoder = Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events, decoder.rest


def content(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.data, event.name) for event in events if event.data is not None]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted(places), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


@given(STREAMS, st.data())
@example(b"data: one\r\n\r\n\r\ndata: two\r\n\r\n", None)
@example(b"data: one\n\r\ndata: two\r\r\ndata: three\r\n\r", None)
def test_events_are_those_of_the_standard_however_the_stream_is_cut(
    stream: bytes, data: Any
) -> None:
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=6)) if data else []
    _, left = decoded([stream])
    for chunks in ([stream], cut(stream, places), [stream[i : i + 1] for i in range(len(stream))]):
        events, rest = decoded(chunks)
        assert content(events) == reference(stream)
        assert b"".join(event.raw for event in events) + rest == stream
        assert rest == left, "what is held back does not depend on the cuts"
        assert reference(rest.removeprefix(b"\n")) == [], "no event is held back"


def test_every_single_cut_of_a_stream_of_all_line_ends_gives_the_same_events() -> None:
    stream = "data: a\r\ndata: €\r\n\r\n: ping\n\nevent: x\rdata: b\r\rdata: c\n\r\n".encode()
    stream += b"data: [DONE]\n\n"
    expected = [("a\n€", "message"), ("b", "x"), ("c", "message"), ("[DONE]", "message")]
    for place in range(len(stream) + 1):
        events, rest = decoded([stream[:place], stream[place:]])
        assert content(events) == expected
        assert b"".join(event.raw for event in events) + rest == stream


@pytest.mark.parametrize(
    ("end", "needed"), [(b"\n\n", 2), (b"\r\r", 2), (b"\r\n\r\n", 3), (b"\n\r\n", 2)]
)
def test_an_event_is_given_with_the_first_byte_that_shows_its_end(end: bytes, needed: int) -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: now" + end[: needed - 1]) == []
    (event,) = decoder.feed(end[needed - 1 : needed])
    assert event.data == "now"


def test_a_byte_order_mark_counts_only_at_the_start_of_a_stream() -> None:
    events, _ = decoded([b"\xef", b"\xbb\xbfdata: first\n\n", b"\xef\xbb\xbfdata: second\n\n"])
    assert content(events) == [("first", "message")]


def test_comments_and_keep_alives_have_no_data_and_keep_their_bytes() -> None:
    events, rest = decoded([b": keep-alive\n\n\n\ndata: x\n\n"])
    assert [event.data for event in events] == [None, None, "x"]
    assert b"".join(event.raw for event in events) == b": keep-alive\n\n\n\ndata: x\n\n"
    assert rest == b""


def test_what_is_cut_off_at_the_end_is_the_rest_and_no_event() -> None:
    events, rest = decoded([b"data: whole\n\ndata: cut"])
    assert content(events) == [("whole", "message")]
    assert rest == b"data: cut"


class Searches:
    """A compiled pattern that adds up how many bytes its searches may look at."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.size_bytes = 0

    def search(self, text: bytes, start: int) -> re.Match[bytes] | None:
        match = self._pattern.search(text, start)
        self.size_bytes += (match.end() if match else len(text)) - start
        return match


class Copies(bytearray):
    """A buffer that adds up how many bytes are copied out of it or moved inside it."""

    size_bytes = 0

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        self.size_bytes += len(found) if isinstance(index, slice) else 1
        return found

    def __delitem__(self, index: Any) -> None:
        before = len(self)
        super().__delitem__(index)
        self.size_bytes += len(self) if len(self) < before else 0


@pytest.mark.parametrize("chunk_bytes", [1000, 1_000_000])
@pytest.mark.parametrize(
    "stream",
    [b"data: " + b"x" * 1_000_000 + b"\n\n", b"data: x\n\n" * 60_000],
    ids=["one huge event", "many small ones"],
)
def test_each_byte_is_looked_at_and_copied_a_bounded_number_of_times(
    stream: bytes, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = Searches(sse._BLANK_LINE)
    monkeypatch.setattr(sse, "_BLANK_LINE", searches)
    decoder = Decoder()
    decoder._buffer = copies = Copies()
    for start in range(0, len(stream), chunk_bytes):
        decoder.feed(stream[start : start + chunk_bytes])
    assert decoder.rest == b""
    assert searches.size_bytes < 1.1 * len(stream)
    assert copies.size_bytes < 2.1 * len(stream)


def limited(chunks: Iterable[bytes], max_event_bytes: int) -> list[Event]:
    decoder = Decoder(max_event_bytes=max_event_bytes)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@given(STREAMS, st.integers(1, 30), st.data())
def test_an_event_over_the_limit_is_refused_and_all_others_are_given(
    stream: bytes, limit: int, data: Any
) -> None:
    chunks = cut(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    events, rest = decoded(chunks)
    if all(len(raw) <= limit for raw in [*(event.raw for event in events), rest]):
        assert limited(chunks, limit) == events
    else:
        with pytest.raises(EventTooLarge, match=f"more than {limit} bytes"):
            limited(chunks, limit)


def test_an_event_without_an_end_is_refused_before_it_is_collected() -> None:
    given = iter([b"x" * 300] * 100)
    with pytest.raises(EventTooLarge):
        limited(given, 1000)
    assert len(list(given)) == 96


@given(st.binary(max_size=40), st.sampled_from([None, "delta", "x y"]))
def test_what_is_encoded_is_decoded_with_every_line_end_as_lf(
    data: bytes, name: str | None
) -> None:
    (event,), rest = decoded([sse.encode(data, name=name)])
    lines = re.split(rb"\r\n|\r|\n", data)
    assert event.data == b"\n".join(lines).decode("utf-8", "replace")
    assert event.name == (name or "message")
    assert rest == b""
