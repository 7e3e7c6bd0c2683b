"""Token overlap by worked examples, brute force and the rules of its definition."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures.overlap import (
    containment,
    exact_match,
    lcs_length,
    ngrams,
    normalised,
    shared,
    shared_ngrams,
    token_f1,
)

TOKENS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat's  hat, an ANSWER!", "cats hat answer"),
        ("a an the", ""),
        ("theatre and anthem", "theatre and anthem"),
        ("U.S.-based", "usbased"),
        (" tabs\tand\nlines ", "tabs and lines"),
    ],
)
def test_normal_form_is_squads(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [
        # precision and recall by hand: 2/3 and 2/2, 1/1 and 1/4, repeated tokens count once each
        ("in the white house", "White House", 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("Paris", "Paris in northern France", 2 * 1 * 0.25 / 1.25),
        ("yes yes yes", "yes", 2 * (1 / 3) * 1 / (1 / 3 + 1)),
        ("cat", "dog", 0.0),
        ("", "the", 1.0),
        ("", "dog", 0.0),
    ],
)
def test_token_f1_is_the_harmonic_mean(answer: str, expected: str, f1: float) -> None:
    assert token_f1(answer, expected) == pytest.approx(f1)


@given(st.text(), st.text())
def test_token_f1_is_a_symmetric_similarity(first: str, second: str) -> None:
    assert 0 <= token_f1(first, second) == token_f1(second, first) <= 1
    assert token_f1(first, first) == 1
    assert exact_match(first, first)
    if exact_match(first, second):
        assert token_f1(first, second) == 1


@given(TOKENS, TOKENS)
def test_lcs_is_the_textbook_recursion(first: list[str], second: list[str]) -> None:
    @cache
    def longest(i: int, j: int) -> int:
        if i == len(first) or j == len(second):
            return 0
        if first[i] == second[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    assert lcs_length(first, second) == longest(0, 0)


@given(TOKENS, TOKENS, st.integers(1, 4))
def test_what_is_cut_out_of_a_text_is_contained_in_it(
    part: list[str], rest: list[str], n: int
) -> None:
    assert containment(part, rest + part + rest, n=n) == 1
    assert 0 <= containment(part, rest, n=n) <= 1


def test_containment_counts_a_gram_as_often_as_it_is_there() -> None:
    assert containment(["a", "a", "b"], ["a", "b"], n=1) == pytest.approx(2 / 3)
    assert containment(list("abcd"), list("abxcd"), n=2) == pytest.approx(2 / 3)
    with pytest.raises(MeasureError):
        containment(["a"], ["a"], n=0)


@given(TOKENS, TOKENS, st.integers(1, 5))
def test_shared_ngrams_are_the_intersection_of_two_bags(
    first: list[str], second: list[str], n: int
) -> None:
    bags = [
        Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
        for text in (first, second)
    ]
    expected = (bags[0] & bags[1]).total()
    assert shared_ngrams(first, second, n) == expected
    assert shared(ngrams(first, n), ngrams(second, n)) == expected
