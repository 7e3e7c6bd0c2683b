"""Requests that no client sends: smuggled ones, and JSON at the edge of what JSON is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.gateway import wire
from tests.gateway.answers import CHAT, MESSAGES, RESPONSES
from tests.gateway.gateway import ADMIN, Room, question, room
from tests.upstream import Upstream

MODELS = {CHAT: "oa/plain", MESSAGES: "an/thinking", RESPONSES: "oa/response"}
BODY = json.dumps(question("oa/plain", user="mark-outer")).encode()
INNER = json.dumps(question("oa/plain", user="mark-smuggled")).encode()
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer "
    + ADMIN.encode()
    + b"\r\ncontent-type: application/json\r\n"
)
SMUGGLED = (
    HEAD + b"connection: close\r\ncontent-length: " + str(len(INNER)).encode() + b"\r\n\r\n" + INNER
)


@pytest.fixture(scope="module", params=["trimtab", "uvicorn"])
def shared(
    request: pytest.FixtureRequest, far: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    """The same gateway behind either listener."""
    how = {"listener": request.param}
    with room(tmp_path_factory.mktemp("requests") / "data", far, overrides=how) as running:
        yield running


def length(body: bytes = BODY) -> bytes:
    return b"content-length: %d\r\n" % len(body)


def chunk(body: bytes, *, size: bytes | None = None, end: bytes = b"\r\n") -> bytes:
    return (size or b"%x" % len(body)) + b"\r\n" + body + end


CHUNKED = b"transfer-encoding: chunked\r\n"
LAST = b"0\r\n\r\n"
# One request by one reading of the standard, and two by another.
AMBIGUOUS = {
    "both lengths, the chunks end first": HEAD
    + length(LAST + SMUGGLED)
    + CHUNKED
    + b"\r\n"
    + LAST
    + SMUGGLED,
    "both lengths, the other order": HEAD + CHUNKED + length(LAST) + b"\r\n" + LAST + SMUGGLED,
    "two lengths": HEAD + length() + length(BODY + SMUGGLED) + b"\r\n" + BODY + SMUGGLED,
    "the same length twice in a list": HEAD
    + b"content-length: %d, %d\r\n\r\n" % (len(BODY), len(BODY + SMUGGLED))
    + BODY
    + SMUGGLED,
    "a length with a sign": HEAD + b"content-length: +%d\r\n\r\n" % len(BODY) + BODY + SMUGGLED,
    "a length in another base": HEAD
    + b"content-length: 0x%x\r\n\r\n" % len(BODY)
    + BODY
    + SMUGGLED,
    "a negative length": HEAD + b"content-length: -1\r\n\r\n" + BODY + SMUGGLED,
    "a space before the colon": HEAD + b"content-length : %d\r\n\r\n" % len(BODY) + BODY + SMUGGLED,
    "a folded header": HEAD
    + b"transfer-encoding:\r\n chunked\r\n"
    + length()
    + b"\r\n"
    + BODY
    + SMUGGLED,
    "a header of nothing": HEAD + b": x\r\n" + length() + b"\r\n" + BODY + SMUGGLED,
    "a coding that is not chunked": HEAD
    + b"transfer-encoding: xchunked\r\n"
    + length()
    + b"\r\n"
    + BODY
    + SMUGGLED,
    "chunked twice": HEAD
    + b"transfer-encoding: chunked, chunked\r\n\r\n"
    + chunk(BODY)
    + LAST
    + SMUGGLED,
    "chunked before another coding": HEAD
    + b"transfer-encoding: chunked, identity\r\n\r\n"
    + chunk(BODY)
    + LAST
    + SMUGGLED,
    "a chunk size that is no number": HEAD
    + CHUNKED
    + b"\r\n"
    + chunk(BODY, size=b"zz")
    + LAST
    + SMUGGLED,
    "a chunk size with a sign": HEAD
    + CHUNKED
    + b"\r\n"
    + chunk(BODY, size=b"-5")
    + LAST
    + SMUGGLED,
    "a chunk size with 0x": HEAD
    + CHUNKED
    + b"\r\n"
    + chunk(BODY, size=b"0x%x" % len(BODY))
    + LAST
    + SMUGGLED,
    "a chunk size beyond all bounds": HEAD
    + CHUNKED
    + b"\r\n"
    + chunk(BODY, size=b"f" * 17)
    + LAST
    + SMUGGLED,
    "a chunk without an end": HEAD + CHUNKED + b"\r\n" + chunk(BODY, end=b"") + LAST + SMUGGLED,
    "a chunk that is longer than it says": HEAD
    + CHUNKED
    + b"\r\n"
    + chunk(BODY, size=b"5")
    + LAST
    + SMUGGLED,
    "a carriage return alone": HEAD
    + b"x-a: b\rtransfer-encoding: chunked\r\n"
    + length()
    + b"\r\n"
    + BODY
    + SMUGGLED,
    "a null in a header": HEAD + b"x-a: b\x00c\r\n" + length() + b"\r\n" + BODY + SMUGGLED,
}


def test_two_requests_in_a_row_are_two(shared: Room) -> None:
    assert wire.answers(shared.server.url, HEAD + length() + b"\r\n" + BODY + SMUGGLED) == [
        200,
        200,
    ]
    chunks = HEAD + CHUNKED + b"\r\n" + chunk(BODY[:9]) + chunk(BODY[9:]) + LAST
    assert wire.answers(shared.server.url, chunks + SMUGGLED) == [200, 200]


@pytest.mark.parametrize("key", [ADMIN, "sk-unknown"])
@pytest.mark.parametrize("size_bytes", [60_000, 70_000, 200_000])
def test_a_large_body_does_not_keep_the_next_request_from_being_read(
    shared: Room, size_bytes: int, key: str
) -> None:
    """Whether anybody wanted it or not."""
    body = json.dumps(question("oa/plain", user="x" * size_bytes)).encode()
    first = HEAD.replace(ADMIN.encode(), key.encode()) + length(body) + b"\r\n" + body
    expected = [200 if key == ADMIN else 401] * 2 + [200]
    assert wire.answers(shared.server.url, [first, first, SMUGGLED]) == expected


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_request_with_two_readings_reaches_nobody(shared: Room, case: str) -> None:
    """It is refused, and what may or may not be a request behind it is not read at all."""
    before = len(shared.far.requests)
    assert wire.answers(shared.server.url, AMBIGUOUS[case]) in ([400], [])
    assert len(shared.far.requests) == before


def test_line_ends_that_are_only_half_there_do_not_make_two_requests(shared: Room) -> None:
    """A bare line feed may count as a line end (RFC 9112, section 2.2); then it always does."""
    before = len(shared.sent("mark-smuggled"))
    sent = HEAD.replace(b"\r\n", b"\n") + length() + b"connection: close\r\n\n" + BODY
    assert wire.answers(shared.server.url, sent) in ([400], [200])
    assert len(shared.sent("mark-smuggled")) == before


@pytest.mark.parametrize("name", ["x-trimtab-user", "x-trimtab-session", "x-trimtab-provider"])
def test_what_a_caller_says_in_our_headers_makes_no_headers_of_a_provider(
    shared: Room, name: str
) -> None:
    value = b"a\r\n\r\n"  # what would end the head of the request to the provider
    for evil in (b"u%0d%0ax-evil: 1", b"u\xc4\x8d\xc4\x8ax-evil: 1", "ü\u2028".encode()):
        sent = HEAD + name.encode() + b": " + evil + b"\r\nconnection: close\r\n"
        wire.answers(shared.server.url, sent + length() + b"\r\n" + BODY)
    assert value not in b"".join(
        f"{key}: {text}".encode()
        for one in shared.far.requests
        for key, text in one.headers.items()
    )
    assert not any("x-evil" in request.headers for request in shared.far.requests)


def test_headers_for_the_provider_cannot_add_others(shared: Room) -> None:
    sent = HEAD + b"openai-beta: a\xff\xc4\x8d\xc4\x8ax-evil: 1\r\nconnection: close\r\n"
    assert wire.answers(shared.server.url, sent + length() + b"\r\n" + BODY) in ([200], [400])
    assert not any("x-evil" in request.headers for request in shared.far.requests)


# -- JSON --------------------------------------------------------------------------------------


def around(dialect: str, more: bytes) -> bytes:
    """A good request with more members."""
    return json.dumps(question(MODELS[dialect], dialect)).encode()[:-1] + b", " + more + b"}"


SURVIVES = {
    "an integer of 30 digits": b'"x": 123456789012345678901234567890',
    "a number beyond all floats": b'"x": [1e400, -1e-400]',
    "a number with all its zeros": b'"x": 1.10000',
    "half a surrogate in a field nobody knows": b'"x": "\\ud83d"',
    "an escaped null": b'"x": "a\\u0000b"',
    "line separators": '"x": "\u2028\u2029\ufeff"'.encode(),
    "a key that is twice in a field nobody knows": b'"x": {"a": 1, "a": 2}',
    "ninety levels": b'"x": ' + b"[" * 90 + b"]" * 90,
    "an empty key": b'"": 1',
    "a large field": b'"x": "' + b"y" * 1_000_000 + b'"',
}
REFUSED = {
    "three thousand levels": b'"x": ' + b"[" * 3000 + b"]" * 3000,
    "three thousand objects": b'"x": ' + b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "bytes that are no UTF-8": b'"x": "\xff\xfe"',
    "an overlong slash": b'"x": "\xc0\xaf"',
    "a surrogate in UTF-8": b'"x": "\xed\xa0\xbd"',
    "not a number": b'"x": NaN',
    "a comma too many": b'"x": 1,',
    "a control character": b'"x": "a\nb"',
    "half a surrogate in the model": b'"model": "\\ud83d"',
}


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("case", SURVIVES)
def test_odd_json_reaches_the_provider_as_it_came(shared: Room, dialect: str, case: str) -> None:
    """Or is refused in a way that says why; never changed, and never a failure of ours."""
    reply = shared.ask(dialect, around(dialect, SURVIVES[case]))
    if reply.status == 400:
        assert "surrogate" in reply.json["error"]["message"]
        return
    assert reply.status == 200, reply.body
    member, _, value = SURVIVES[case].partition(b": ")
    assert member + b":" + value in shared.far.requests[-1].body.replace(b": ", b":", 1) or (
        value in shared.far.requests[-1].body
    )


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_json_is_a_400_that_says_so(shared: Room, dialect: str, case: str) -> None:
    before = len(shared.far.requests)
    reply = shared.ask(dialect, around(dialect, REFUSED[case]))
    assert reply.status == 400, reply.body
    assert reply.json["error"]["message"]
    assert len(shared.far.requests) == before


def test_of_a_member_that_is_there_twice_all_see_the_same_one(shared: Room) -> None:
    """What is admitted, priced and recorded is what is called."""
    reply = shared.ask(CHAT, around(CHAT, b'"model": "oa/long-unicode"'))
    assert reply.status == 200
    assert shared.call(reply)["model"] == "oa/long-unicode"
    assert shared.far.requests[-1].body.count(b'"model"') == 1
    assert shared.far.requests[-1].json["model"] == "long-unicode"


@pytest.mark.parametrize("dialect", [*MODELS, "/embeddings", "/images/generations"])
def test_a_member_of_ours_that_nobody_knows_is_refused(shared: Room, dialect: str) -> None:
    """In the caller's dialect; what is spelt wrong must not look as if it had been heeded."""
    before = len(shared.far.requests)
    model = MODELS.get(dialect, "oa/text-embedding")
    own = {"trimtab": {"variable": {"a": 1}}, "input": "Hello?"}
    reply = shared.ask(dialect, question(model, dialect, **own))
    assert reply.status == 400, reply.body
    assert (reply.json.get("type") == "error") == (dialect == MESSAGES)
    error = reply.json["error"]
    assert error["type"] == "invalid_request_error"
    for said in ("'variable'", "did you mean variables", "cache, model, reask, variables"):
        assert said in error["message"]
    assert len(shared.far.requests) == before


@pytest.mark.parametrize("told", [{"cache": "no"}, {"reask": "often"}, {"model": 3}])
def test_a_member_of_ours_with_a_strange_value_is_refused(
    shared: Room, told: dict[str, object]
) -> None:
    reply = shared.ask(CHAT, question("oa/plain", trimtab=told))
    assert reply.status == 400, reply.body
    assert reply.json["error"]["param"].startswith(f"trimtab.{next(iter(told))}")
