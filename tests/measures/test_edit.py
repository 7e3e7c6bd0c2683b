"""Edit distances and fuzzy ratios by published values, brute force and their rules."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.measures import edit

SHORT = st.text(alphabet="abc", max_size=8)


@given(SHORT, SHORT)
def test_edit_distance_is_the_textbook_recursion(first: str, second: str) -> None:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = first[i - 1] == second[j - 1]
        return min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (not same)
        )

    expected = distance(len(first), len(second))
    assert edit.edit_distance(first, second) == expected
    assert edit.edit_distance(first, second, most=2) == min(expected, 3)
    longest = max(len(first), len(second))
    assert edit.edit_similarity(first, second) == pytest.approx(
        1 - expected / longest if longest else 1.0
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Winkler 1990, table of string comparators, to three decimals
        ("SHACKLEFORD", "SHACKELFORD", 0.982),
        ("DUNNINGHAM", "CUNNIGHAM", 0.896),
        ("MASSEY", "MASSIE", 0.933),
        ("JERALDINE", "GERALDINE", 0.926),
        ("MICHELLE", "MICHAEL", 0.921),
        ("JON", "JAN", 0.800),
    ],
)
def test_jaro_winkler_is_as_published(first: str, second: str, expected: float) -> None:
    assert edit.jaro_winkler(first, second) == pytest.approx(expected, abs=6e-4)


@given(st.text(), st.text())
def test_similarities_are_symmetric_and_bounded(first: str, second: str) -> None:
    for similarity in (
        edit.edit_similarity,
        edit.token_sort_ratio,
        edit.token_set_ratio,
    ):
        assert 0 <= similarity(first, second) <= 1
        assert similarity(first, second) == pytest.approx(similarity(second, first))
        assert similarity(first, first) in (0, 1)  # 0 where there is no word at all


def test_token_ratios_do_not_see_order_case_or_punctuation() -> None:
    assert edit.token_sort_ratio("Smith, John A.", "john a smith") == 1.0
    assert edit.token_sort_ratio("new york city", "new york") < 1.0
    assert edit.token_set_ratio("new york city", "New York!") == 1.0
    assert edit.partial_ratio("fault code 17", "It stopped with fault code 17 today") == 1.0
    assert edit.partial_ratio("fault code 17", "It runs") < 0.5
