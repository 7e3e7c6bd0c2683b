from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.kit.http1 import Disconnected, ProtocolError
from trimtab.kit.http1.parser import ResponseParser

HEAD = b"HTTP/1.1 200 OK\r\n"
tokens = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda s: f"x-{s}")
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
fields = st.lists(st.tuples(tokens, values), max_size=5)
bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A valid response with a body of known length, chunked or not, after 0 to 2 interim heads."""
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * draw(st.integers(0, 2))
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 404, 429, 500, 503]))
    lines = "".join(f"{name}: {value}\r\n" for name, value in draw(fields)).encode()
    parts = draw(bodies) if status not in {204, 304} else []
    if draw(st.booleans()) and status not in {204, 304}:
        chunks = b"".join(b"%X;ext=1\r\n%b\r\n" % (len(part), part) for part in parts)
        rest = b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\nx-trailer: t\r\n\r\n"
    else:
        body = b"".join(parts)
        rest = b"content-length: %d\r\n\r\n" % len(body) + body
    return interim + b"HTTP/1.1 %d Reason\r\n" % status + lines + rest


def parsed(*pieces: bytes, method: str = "GET") -> tuple[int, dict[str, str], bytes, bool, bool]:
    parser = ResponseParser(method)
    body = b""
    for piece in pieces:
        parser.feed(piece)
        body += parser.take()
    return parser.status, parser.headers, body, parser.complete, parser.keep_alive


def by_h11(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(raw)
    headers: dict[str, str] = {}
    status, body = 0, b""
    while True:
        match connection.next_event():
            case h11.Response() as head:
                status = head.status_code
                for name, value in head.headers:
                    key, text = name.decode(), value.decode("latin-1")
                    headers[key] = f"{headers[key]}, {text}" if key in headers else text
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage():
                return status, headers, body


@given(responses())
def test_a_response_reads_as_an_independent_parser_reads_it(raw: bytes) -> None:
    status, headers, body, complete, keep_alive = parsed(raw)
    assert (status, headers, body) == by_h11(raw)
    assert complete
    assert keep_alive


@given(responses(), st.data())
def test_every_split_of_a_response_reads_the_same(raw: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=12)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert parsed(*pieces) == parsed(raw)


@given(responses())
def test_a_response_reads_the_same_one_byte_at_a_time(raw: bytes) -> None:
    assert parsed(*(raw[i : i + 1] for i in range(len(raw)))) == parsed(raw)


@given(responses(), st.data())
def test_a_response_that_stops_early_is_never_complete(raw: bytes, data: st.DataObject) -> None:
    parser = ResponseParser("GET")
    parser.feed(raw[: data.draw(st.integers(1, len(raw) - 1))])
    if not parser.complete:
        with pytest.raises(Disconnected):
            parser.end()
    else:
        pytest.fail("a cut response was taken for a whole one")


@given(st.lists(st.binary(max_size=64), max_size=8), st.booleans())
def test_arbitrary_bytes_raise_nothing_but_protocol_errors(
    pieces: list[bytes], after_head: bool
) -> None:
    parser = ResponseParser("GET", max_head_bytes=512)
    if after_head:
        parser.feed(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    try:
        for piece in pieces:
            parser.feed(piece)
            parser.take()
    except ProtocolError:
        pass


def test_a_body_without_length_ends_with_the_connection() -> None:
    parser = ResponseParser("GET")
    parser.feed(HEAD + b"\r\nsome")
    parser.feed(b" text")
    assert not parser.complete
    parser.end()
    assert (parser.take(), parser.complete, parser.keep_alive) == (b"some text", True, False)


def test_the_last_transfer_coding_decides_where_the_body_ends() -> None:
    parser = ResponseParser("GET")
    parser.feed(HEAD + b"transfer-encoding: gzip\r\n\r\nxyz")
    parser.end()
    assert parser.complete


@pytest.mark.parametrize("field", [b"content-length: 10", b"transfer-encoding: chunked"])
def test_the_answer_to_head_has_no_body_whatever_it_announces(field: bytes) -> None:
    *_, body, complete, keep_alive = parsed(HEAD + field + b"\r\n\r\n", method="HEAD")
    assert (body, complete, keep_alive) == (b"", True, True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_after_the_end_cost_the_connection_but_not_the_response(method: str) -> None:
    raw = HEAD + b"content-length: 2\r\n\r\n" + (b"ok" if method == "GET" else b"")
    for surplus in (b"garbage", raw):
        status, _, _, complete, keep_alive = parsed(raw + surplus, method=method)
        assert (status, complete, keep_alive) == (200, True, False)


def test_a_body_where_none_may_be_costs_the_connection() -> None:
    raw = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    for body in (b"2\r\nab\r\n0\r\n\r\n", b"nonsense"):
        assert parsed(raw + body, method="HEAD")[2:] == (b"", True, False)


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", HEAD + b"connection: close\r\n\r\n"]
)
def test_a_server_that_wants_to_close_is_not_asked_again(raw: bytes) -> None:
    assert parsed(raw)[4] is False


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>not http</html>",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        HEAD + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_a_response_is_a_protocol_error(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        parsed(raw)


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (HEAD + b"x-endless: ", b"a" * 100),
        (HEAD, b"a:\r\n" * 25),
        (b"HTTP/1.1 200 ", b"reason " * 10),
        (b"", b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"),
        (CHUNKED + b"1;ext=", b"a" * 100),
        (CHUNKED + b"0\r\nx-trailer: ", b"a" * 100),
        (CHUNKED + b"0\r\n", b"a:b\r\n" * 20),
    ],
)
def test_everything_that_is_not_body_is_bounded(start: bytes, more: bytes) -> None:
    parser = ResponseParser("GET", max_head_bytes=4096)
    parser.feed(start)

    def feed_twice_the_limit() -> None:
        for _ in range(4096 * 2 // len(more)):
            parser.feed(more)

    with pytest.raises(ProtocolError, match="over the limit of 4096 bytes"):
        feed_twice_the_limit()


def test_a_large_body_in_tiny_chunks_is_not_mistaken_for_a_large_head() -> None:
    parser = ResponseParser("GET", max_head_bytes=4096)
    parser.feed(CHUNKED)
    for _ in range(10_000):
        parser.feed(b"1\r\nx\r\n")
    parser.feed(b"0\r\n\r\n")
    assert parser.take() == b"x" * 10_000
