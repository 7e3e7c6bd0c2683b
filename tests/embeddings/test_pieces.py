"""Cutting texts into pieces of a vocabulary."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.embeddings.pieces import Pieces, words
from trimtab.embeddings.table import table

anything = st.text(st.characters(codec=None))  # lone surrogates, too

VOCABULARY = ["un", "believ", "##believ", "##able", "##e", "able", "a", "##a", ",", "port", "世"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("port", ["port"]),
        ("Port, PORT", ["port", ",", "port"]),
        ("unbelievable", ["un", "##believ", "##able"]),
        ("believe", ["believ", "##e"]),
        ("ünbelievåble", ["un", "##believ", "##able"]),
        ("世a世", ["世", "a", "世"]),
        ("xport", ["port"]),  # a letter that no piece begins with is left out
        ("aaaaaaaaaaaaaaaa", ["a"] + ["##a"] * 7),  # no word has more than eight pieces
        ("", []),
        ("zzz \x00 \ud800", []),
    ],
)
def test_words_are_whole_or_cut_longest_match_first(text: str, expected: list[str]) -> None:
    assert [VOCABULARY[at] for at in Pieces(VOCABULARY).ids(text)] == expected


@given(anything)
def test_every_text_has_pieces_of_the_vocabulary(text: str) -> None:
    assert all(0 <= at < len(table().vocabulary) for at in table().ids(text))


@given(anything, anything)
def test_pieces_of_two_texts_are_those_of_one_and_of_the_other(one: str, other: str) -> None:
    assert table().ids(f"{one} {other}") == table().ids(one) + table().ids(other)


@given(anything)
def test_case_does_not_matter(text: str) -> None:
    assert words(text.lower()) == words(text.lower().lower())
    assert table().ids(text.swapcase().lower()) == table().ids(text.swapcase())


@given(st.text("abcdefghijklmnopqrstuvwxyz ,.", max_size=60))
def test_pieces_put_together_are_the_text(text: str) -> None:
    pieces = table().pieces
    for word in words(text):
        ids = pieces.of_words([word])
        joined = "".join(table().vocabulary[at].removeprefix("##") for at in ids)
        assert word.startswith(joined)
        assert joined == word or len(ids) == 8


@pytest.mark.parametrize(
    "unit", ["q", "xj", "é", "中", "a ", "!", "\ud800", "ﬃ", "\u0301", "q\x00"]
)
def test_work_grows_with_the_length_of_the_text(unit: str) -> None:
    start = time.process_time()
    table().embed([unit * (200_000 // len(unit))])
    assert time.process_time() - start < 5  # a power of two of the length would be hours
