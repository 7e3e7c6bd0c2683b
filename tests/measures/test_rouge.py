"""ROUGE and its stems against rouge_score and NLTK, the packages whose values are quoted."""

from __future__ import annotations

import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.measures.pairs import pairs

from trimtab.errors import MeasureError
from trimtab.measures import porter, rouge

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from nltk.stem.porter import PorterStemmer
    from rouge_score.rouge_scorer import RougeScorer

KINDS = ["rouge1", "rouge2", "rouge4", "rougeL", "rougeLsum"]
LINES = st.text(alphabet="ab cdé1-\n.")
SUFFIXES = (
    "ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness "
    "fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance "
    "ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize ed ing eed ied ies s "
    "sses y ll e"
)


def compare(answer: str, references: list[str], stemmed: bool) -> None:
    oracle = RougeScorer(KINDS, use_stemmer=stemmed).score_multi(references, answer)
    found = rouge.rouge(answer, references, kinds=KINDS, stemmed=stemmed)
    for kind in KINDS:
        assert found[kind] == pytest.approx(tuple(oracle[kind]), abs=1e-12), kind


@pytest.mark.parametrize("stemmed", [False, True])
@pytest.mark.parametrize(("seed", "low", "high"), [(1, 0, 12), (2, 20, 80)])
def test_values_are_rouge_scores(seed: int, low: int, high: int, stemmed: bool) -> None:
    texts = pairs(seed, 60, low, high)
    for place, (answer, reference) in enumerate(texts):
        compare(answer, [reference], stemmed)
        compare(answer, [reference, texts[place - 1][1], texts[place - 2][0]], stemmed)


@given(LINES, LINES)
def test_any_text_scores_as_rouge_score_does(answer: str, reference: str) -> None:
    compare(answer, [reference], stemmed=False)


# Words that keep few letters and repeat: every tie between longest subsequences is met.
@given(st.lists(st.text("ab", max_size=6), max_size=4), st.lists(st.text("ab", max_size=6)))
def test_the_union_of_subsequences_is_that_of_rouge_score(
    answer: list[str], reference: list[str]
) -> None:
    texts = ["\n".join(" ".join(line) for line in lines) for lines in (answer, reference)]
    compare(texts[0], [texts[1]], stemmed=False)


def test_lins_example_of_sentence_order() -> None:
    # Lin 2004, sec. 3.1: S2 and S3 share as many bigrams with S1, but not the same sequence
    reference = "police killed the gunman"
    assert rouge.rouge_l("police kill the gunman", reference).f1 == 0.75
    assert rouge.rouge_l("the gunman kill police", reference).f1 == 0.5
    assert rouge.rouge_n("police kill the gunman", reference, n=2).f1 == pytest.approx(1 / 3)
    assert rouge.rouge_n("the gunman kill police", reference, n=2).f1 == pytest.approx(1 / 3)


def test_lins_example_of_the_union_lcs() -> None:
    # Lin 2004, sec. 3.2: r = w1..w5, c1 = w1 w2 w6 w7 w8, c2 = w1 w3 w8 w9 w5, union w1 w2 w3 w5
    found = rouge.rouge_lsum("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5")
    assert found.recall == pytest.approx(4 / 5)
    assert found.precision == pytest.approx(4 / 10)


@given(LINES, LINES)
def test_swapping_the_texts_swaps_precision_and_recall(first: str, second: str) -> None:
    for kind in ("rouge1", "rouge2", "rougeL"):
        there = rouge.rouge(first, second, kinds=[kind])[kind]
        back = rouge.rouge(second, first, kinds=[kind])[kind]
        assert there == pytest.approx((back.recall, back.precision, back.f1))
        assert 0 <= there.f1 <= 1


def test_stems_are_nltks() -> None:
    rng, suffixes = random.Random(3), SUFFIXES.split()
    words = {
        "".join(rng.choices("aeiouybcdlstrwxz", k=rng.randint(0, 5)))
        + "".join(rng.choices(suffixes, k=rng.randint(0, 3)))
        for _ in range(20_000)
    }
    words |= {"sky", "skies", "dying", "news", "innings", "howe", "proceed", "dies", "tied", "a"}
    nltk = PorterStemmer()
    assert {word: porter.stem(word) for word in words} == {word: nltk.stem(word) for word in words}


@pytest.mark.parametrize("kind", ["rouge0", "rouge10", "rougeX", "L", ""])
def test_an_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(MeasureError):
        rouge.rouge("a", "a", kinds=[kind])


def test_no_reference_is_refused() -> None:
    with pytest.raises(MeasureError):
        rouge.rouge_n("a", [])
