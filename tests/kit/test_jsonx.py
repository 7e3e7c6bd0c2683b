"""JSON from strangers becomes values or one kind of error, which says where and what."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.text('"\\[]{}', max_size=5)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=20,
)
WORDS = rb"""{ } [ ] : , " \ \u \ud83d \ude00 \\ 1 - 1e400 null true NaN""".split()
FRAGMENTS = st.sampled_from([*WORDS, b" ", b"\x00", b"\xff", b"\xed", b"9" * 5000])
SOUP = st.lists(FRAGMENTS | st.binary(max_size=3), max_size=25).map(b"".join)


class Row(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    counts: list[int] = []


def refusal(data: bytes, type: Any = Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        jsonx.decode(data, type)
    return caught.value


def nesting(value: Any) -> int:
    """Depth of arrays and objects, by recursion over the value."""
    if isinstance(value, dict):
        return 1 + max(map(nesting, value.values()), default=0)
    return 1 + max(map(nesting, value), default=0) if isinstance(value, list) else 0


@given(
    SOUP | st.binary(max_size=60), st.sampled_from([Any, Row, dict[str, int], list[msgspec.Raw]])
)
@example(b"[" * 100_000, Any)
@example(b'{"a":' * 50_000, Any)
@example(b'\\"' * 3 + b"[" * 100_000, Any)
@example(b'"\\' + b"[" * 100_000, Any)
@example(b"9" * 100_000, Any)
@example(b'"\xed\xa0\xbd"', Any)
def test_bytes_become_a_value_or_an_invalid_request_that_says_what_to_do(
    data: bytes, type: Any
) -> None:
    try:
        jsonx.decode(data, type)
    except InvalidRequest as error:
        said = error
    else:
        return
    assert said.what.startswith("the request body ")
    assert said.fix
    assert str(said).encode()


@given(VALUES, st.booleans())
def test_a_value_is_what_the_standard_library_reads(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert jsonx.decode(text.encode()) == json.loads(text)


@given(VALUES, st.booleans())
def test_depth_is_that_of_the_value(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert jsonx.depth(text.encode()) == nesting(value)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"[":', b"}")])
def test_the_limit_of_nesting_is_exact(opening: bytes, closing: bytes) -> None:
    most = jsonx.MAX_DEPTH
    assert jsonx.decode(opening * (most - 1) + b"[]" + closing * (most - 1)) is not None
    assert "nested deeper" in refusal(opening * most + b"[]" + closing * most).what
    assert len(jsonx.decode(b"[" + b"[]," * 500 + b"[]]")) == 501, "width is not depth"


def test_whole_numbers_of_any_size_are_kept() -> None:
    for number in (2**63, 2**64, -(2**63) - 1, 10**30, -(10**30)):
        assert jsonx.decode(str(number).encode()) == number
        assert jsonx.encode(number) == str(number).encode()


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 5000])
def test_a_number_that_no_value_can_hold_is_refused_by_place(number: bytes) -> None:
    error = refusal(b'{"a": [' + number + b"]}")
    assert "out of range" in error.what
    assert error.where == "$[...][0]"


HALVES = {
    "high alone": (rb'"\ud83d"', "\\ud83d"),
    "high before text": (rb'"\uD83Dx"', "\\uD83D"),
    "low alone": (rb'"\ude00"', "\\ude00"),
    "the wrong way round": (rb'"\ude00\ud83d"', "\\ude00"),
    "high twice": (rb'"\ud83d\ud83d\ude00"', "\\ud83d"),
    "low twice": (rb'"\ud83d\ude00\ude00"', "\\ude00"),
    "parted by an escaped backslash": (rb'"\ud83d\\\ude00"', "\\ud83d"),
    "after an escaped backslash": (rb'"\\\ud83d"', "\\ud83d"),
    "in a key": (rb'{"\ud83d": 1}', "\\ud83d"),
}


@pytest.mark.parametrize("case", HALVES)
def test_half_a_surrogate_pair_is_named(case: str) -> None:
    data, half = HALVES[case]
    assert f"{half} is half of a surrogate pair" in refusal(data).what


def test_a_whole_pair_is_a_character() -> None:
    assert jsonx.decode(rb'"\ud83d\ude00"') == "😀"
    assert jsonx.decode(rb'"\\\ud83d\ude00"') == "\\😀"


@pytest.mark.parametrize("data", [rb'"\\ud83d"', rb'["\\\\ude00", "\\ud83dx"]'])
def test_an_escaped_backslash_before_a_u_is_text(data: bytes) -> None:
    assert jsonx.decode(data) == json.loads(data)


@pytest.mark.parametrize("data", [rb'["\\ud83d"', rb'["\\ud83d",]', rb'{"a": "\\\\ud83d" "b"}'])
def test_such_text_is_not_blamed_when_something_else_is_wrong(data: bytes) -> None:
    assert "surrogate" not in refusal(data).what


@pytest.mark.parametrize(
    ("data", "type", "where", "what"),
    [
        (b'{"name": 1}', Row, "$.name", "expected `str`, got `int`"),
        (b'{"name": "x", "counts": [1, "2"]}', Row, "$.counts[1]", "expected `int`, got `str`"),
        (b"{}", Row, "$", "missing required field `name`"),
        (b"[]", Row, "$", "expected `object`, got `array`"),
        (b'{"name": "x", "a - at `$.b`": 1}', Row, "$", "unknown field `a - at `$.b``"),
    ],
)
def test_a_wrong_value_is_named_with_its_path(
    data: bytes, type: Any, where: str, what: str
) -> None:
    error = refusal(data, type)
    assert error.where == where
    assert error.what.endswith(what)


def test_broken_utf8_is_named_by_byte_and_place() -> None:
    error = refusal(b'{"a": "\xc3\x28"}')
    assert "0xc3" in error.what
    assert error.where == "byte 7"


def test_the_thing_that_was_decoded_is_named() -> None:
    with pytest.raises(InvalidRequest, match="the parameters of the prompt is not valid JSON"):
        jsonx.decode(b"{", what="the parameters of the prompt")


def test_money_is_written_as_text() -> None:
    assert jsonx.encode({"cost_usd": Decimal("0.10")}) == b'{"cost_usd":"0.10"}'
