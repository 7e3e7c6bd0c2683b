"""Slow patterns are tried where quick ones find something, and find what they find anywhere."""

from __future__ import annotations

import random
import re

import pytest
import re2

from trimtab.signals.pii import bank, cards, dates, places, wallets
from trimtab.signals.pii.kind import is_apart
from trimtab.signals.pii.near import near
from trimtab.signals.pii.signal import TABLE, Pii
from trimtab.signals.text import Text

PIECES = (
    *("1", "12", "30", "1999", "2024", "4111", "99999999", " ", " ", ".", "-", "/", ",", "\n", "+"),
    *("st", "of", "June", "mars", "word", "\u00e9", "45.1234", "-9.1393", "\u00b0 N", "A", "FR"),
    *("1111", "0000 0000 ", "4 1 1 1 1 1 1 ", "GB82", "WEST", "0x", "abcdef0123456789", "bc1"),
    " and then some words of prose that keep numbers apart, further than any number is long. ",
)
PAIRS = {
    "dates": (dates._LIKE_DATE, dates._DATE),
    "decimal degrees": (places._PAIR, places._DECIMAL),
    "degrees": (places._PAIR, places._DEGREES),
    "cards": (cards._LIKE_CARD, cards._CARD),
    "loose cards": (cards._LIKE_LOOSE, cards._LOOSE),
    "accounts": (bank._LIKE_IBAN, bank._IBAN),
    "wallets": (wallets._LIKE_ADDRESS, wallets._ADDRESS),
    **{finder.kind.name: (finder._form, finder._exact) for finder in TABLE.finders},
}


@pytest.mark.parametrize("name", PAIRS)
def test_nothing_is_missed_and_nothing_else_found(name: str) -> None:
    quick, slow = PAIRS[name]
    drawn = random.Random(name)
    for _ in range(200):
        text = "".join(drawn.choices(PIECES, k=drawn.randint(1, 60)))
        found = [
            match.span()
            for first, last in near(quick, text, 128)
            for match in slow.finditer(text, first, last)
            if is_apart(text, match.start())  # no other match is ever asked for
        ]
        expected = (match for match in slow.finditer(text) if is_apart(text, match.start()))
        assert found == [match.span() for match in expected], text


def test_parts_that_touch_are_one_and_where_many_leave_little_out_the_rest_is() -> None:
    quick: re.Pattern[str] = re2.compile("x")
    assert list(near(quick, "..x......x....", 2)) == [(0, 5), (7, 12)]
    assert list(near(quick, "..x...x......", 2)) == [(0, 9)]
    crowded = 200 * "x........."
    parts = list(near(quick, crowded, 4))
    assert len(parts) == 100
    assert parts[-1][1] == len(crowded)
    assert len(list(near(quick, crowded, 1))) == 200


def test_no_name_is_cut_where_what_stands_near_another_ends() -> None:
    for gap in range(480, 530):
        text = f"www.example.org{gap * ' '}hallo.denmark is none"
        assert [one.end for one in Pii(kinds=["domain_name"]).read(Text(text)).findings] == [15]
