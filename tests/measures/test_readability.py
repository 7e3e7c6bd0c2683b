"""Readability by hand and by known syllables; the CMU dictionary is not at hand, its counts are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures import readability
from trimtab.measures.readability import TextCounts

# Syllables as dictionaries count them, of words that look like each rule.
SYLLABLES = {
    1: "cat the strength moved walked plays makes through queue named bridge eyes please tried",
    2: "table little being quiet hopeful statement movement wanted boxes prism diet nation didn't "
    "riot largely sometimes bottle",
    3: "media radio beautiful important serious video various creation library remember actual",
    4: "application environment january necessary appropriate variation evaluate",
    5: "readability opportunity university organization civilization",
}
KNOWN = [(word, n) for n, words in SYLLABLES.items() for word in words.split()]


@pytest.mark.parametrize(("word", "expected"), KNOWN)
def test_syllables_of_words_like_each_rule(word: str, expected: int) -> None:
    assert readability.syllables(word) == expected


@given(st.text())
def test_every_word_has_a_syllable_in_either_case(word: str) -> None:
    assert readability.syllables(word) >= 1
    assert readability.syllables("mountain" + word.lower()) >= 1


def test_the_formulae_by_hand() -> None:
    # 100 words in 5 sentences of 140 syllables and 450 characters
    counts = TextCounts(5, 100, 140, 450)
    assert readability.flesch_reading_ease(counts) == pytest.approx(68.095)
    assert readability.flesch_kincaid_grade(counts) == pytest.approx(8.73)
    assert readability.automated_readability_index(counts) == pytest.approx(9.765)
    assert readability.coleman_liau_index(counts) == pytest.approx(9.18)


def test_a_text_is_counted_as_a_reader_would() -> None:
    text = "The quick brown fox, ten years old, didn't jump. It slept!"
    found = readability.count(text)
    assert found == TextCounts(2, 11, 12, 43)


def test_longer_words_and_sentences_are_harder() -> None:
    easy = "The dog ran. It was hot. We sat in the sun."
    hard = "Notwithstanding considerable organisational complexity, implementation proceeded."
    assert readability.flesch_reading_ease(easy) > readability.flesch_reading_ease(hard)
    for grade in (
        readability.flesch_kincaid_grade,
        readability.automated_readability_index,
        readability.coleman_liau_index,
    ):
        assert grade(easy) < grade(hard)


@pytest.mark.parametrize("text", ["", "...", "\n\n"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(MeasureError):
        readability.flesch_reading_ease(text)
