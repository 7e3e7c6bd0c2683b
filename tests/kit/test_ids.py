"""Identifiers that other tools accept: W3C Trace Context and RFC 9562."""

from __future__ import annotations

import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.kit import ids


@pytest.mark.parametrize(
    ("make", "size", "valid"),
    [(ids.trace_id, 32, ids.is_trace_id), (ids.span_id, 16, ids.is_span_id)],
    ids=["trace", "span"],
)
def test_ids_are_lower_case_hex_of_the_standard_length_and_do_not_repeat(make, size, valid) -> None:
    made = [make() for _ in range(2000)]
    assert len(set(made)) == 2000
    for value in made:
        assert valid(value)
        assert len(bytes.fromhex(value)) * 2 == size
        assert value == value.lower()


def test_an_id_is_never_all_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = bytes(2 * 16)
    monkeypatch.setattr("os.urandom", lambda size: zeros + b"\x01" * (size - len(zeros)))
    monkeypatch.setattr(ids, "_entropy", ids._Entropy())
    assert ids.trace_id() == "01" * 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_does_not_repeat_the_ids_of_its_parent() -> None:
    ids.trace_id()
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(there, "".join(ids.trace_id() for _ in range(10)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(here, 320).decode()
    assert len(told) == 320
    assert {told[at : at + 32] for at in range(0, 320, 32)}.isdisjoint(
        ids.trace_id() for _ in range(10)
    )


@pytest.mark.parametrize(
    "value",
    ["", "0" * 32, "g" * 32, "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", " " + "a" * 31],
)
def test_what_is_not_a_trace_id_is_refused(value: str) -> None:
    assert not ids.is_trace_id(value)


@pytest.mark.parametrize(
    "value", ["", "0" * 16, "A" * 16, "a" * 15, "a" * 16 + "\n", "\u0661" * 16]
)
def test_what_is_not_a_span_id_is_refused(value: str) -> None:
    assert not ids.is_span_id(value)


@given(st.integers(0, ((1 << 48) - 1) * 1_000_000))
def test_a_uuid7_says_its_version_its_variant_and_its_millisecond(ns: int) -> None:
    made = uuid.UUID(ids.uuid7(ns))
    assert str(made) == ids.uuid7(ns)[:13] + str(made)[13:], "the canonical spelling"
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == ns // 1_000_000


def test_uuid7s_of_later_milliseconds_sort_later_as_text() -> None:
    made = [ids.uuid7(ms * 1_000_000) for ms in range(1_700_000_000_000, 1_700_000_000_500)]
    assert made == sorted(made)


def test_uuid7s_of_one_moment_differ_in_all_their_random_bits() -> None:
    seen = [uuid.UUID(ids.uuid7(0)).int for _ in range(400)]
    assert len(set(seen)) == 400
    varying = 0
    for value in seen:
        varying |= value ^ seen[0]
    assert varying.bit_count() == 74, "RFC 9562: 12 + 62 random bits"
