"""Content hashes agree for equal content and differ for different content."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trimtab.kit.hashing import digest, sha256_hex
from trimtab.records import Message, Usage

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    """The same value with the items of every object in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def canonical(value: Any) -> bytes:
    """Canonical JSON by the standard library."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@given(VALUES)
def test_a_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    assert digest(value) == digest(shuffled(value))


@given(VALUES, VALUES)
def test_digests_agree_exactly_when_the_canonical_json_does(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


@given(VALUES)
def test_a_digest_survives_a_round_trip_through_json(value: Any) -> None:
    assert digest(json.loads(json.dumps(value))) == digest(value)


def test_a_digest_is_the_sha256_of_sorted_compact_json() -> None:
    assert (
        digest({"b": [1, 2.5], "a": "é"})
        == hashlib.sha256('{"a":"é","b":[1,2.5]}'.encode()).hexdigest()
    )
    assert sha256_hex(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_a_record_and_the_object_it_is_on_the_wire_have_one_digest() -> None:
    usage = Usage(input=3, output=4)
    assert digest(usage) == digest({name: getattr(usage, name) for name in usage.__struct_fields__})
    assert digest(Message(role="user", content="a")) != digest(Message(role="user", content="b"))


def test_money_is_hashed_as_its_exact_text() -> None:
    assert digest(Decimal("0.10")) == digest("0.10")
    assert digest(Decimal("0.1")) != digest(Decimal("0.10"))
    assert digest(0.1 + 0.2) != digest(0.3), "floats are hashed as they are"
