"""BLEU, chrF and TER against sacreBLEU on made-up, awkward and fixed texts."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from tests.measures.pairs import pairs

from trimtab.errors import MeasureError
from trimtab.measures.bleu import BleuSettings, bleu, corpus_bleu, tokens_13a
from trimtab.measures.chrf import ChrfSettings, chrf, corpus_chrf
from trimtab.measures.ter import TerSettings, corpus_ter, ter

TEXTS = [*pairs(1, 120, 0, 12), *pairs(2, 40, 20, 80)]
LONG = [*pairs(3, 12, 60, 140), ("x " * 30 + "a b c", "a b c " + "y " * 200)]
ANY = st.text(alphabet="ab A1.,-&;<'\n\té日!$")
BLEU_SETTINGS = [
    dict(zip(("smoothing", "effective_order", "lowercase", "tokens"), values, strict=True))
    for values in itertools.product(
        ("exp", "floor", "add-k", "none"), (True, False), (True, False), ("13a", "char", "none")
    )
] + [
    {"smoothing": "floor", "smooth_value": 0.3, "max_order": 2},
    {"smoothing": "add-k", "smooth_value": 2.0, "max_order": 6},
]
NAMES = {"smoothing": "smooth_method", "tokens": "tokenize", "max_order": "max_ngram_order"}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)


def references(texts: list[tuple[str, str]]) -> list[list[str]]:
    """Three references each: its own, and those of two others."""
    own = [reference for _, reference in texts]
    return [[own[i], own[i - 1], own[i - 7]] for i in range(len(own))]


def compare(
    oracle: Any,
    one: Callable[[str, list[str]], Any],
    corpus: Callable[[list[str], list[list[str]]], Any],
    texts: list[tuple[str, str]],
) -> None:
    """One reference, three, and the whole corpus; the signature but for who made it."""
    for (answer, reference), several in zip(texts, references(texts), strict=True):
        for accepted in ([reference], several):
            expected = oracle.sentence_score(answer, accepted).score
            assert one(answer, accepted).score == pytest.approx(expected, abs=1e-9)
    answers = [answer for answer, _ in texts]
    streams = list(zip(*references(texts), strict=True))
    expected = oracle.corpus_score(answers, streams)
    found = corpus(answers, references(texts))
    assert found.score == pytest.approx(expected.score, abs=1e-9)
    theirs = str(oracle.get_signature()).rpartition("|version:")[0]
    assert found.signature.replace("|beta:2|", "|").rpartition("|impl:")[0] == theirs


@pytest.mark.parametrize("settings", BLEU_SETTINGS, ids=str)
def test_bleu_is_sacrebleus(settings: dict[str, Any]) -> None:
    chosen = BleuSettings(**settings)
    compare(
        BLEU(**{NAMES.get(name, name): value for name, value in settings.items()}),
        lambda answer, accepted: bleu(answer, accepted, settings=chosen),
        lambda answers, accepted: corpus_bleu(answers, accepted, settings=chosen),
        TEXTS[:: 3 if len(settings) == 4 else 1],
    )


def test_what_bleu_is_made_of_is_sacrebleus() -> None:
    answers, accepted = [answer for answer, _ in TEXTS], [reference for _, reference in TEXTS]
    expected = BLEU().corpus_score(answers, [accepted])
    found = corpus_bleu(answers, accepted)
    assert found.precisions == pytest.approx(expected.precisions)
    assert found.brevity_penalty == pytest.approx(expected.bp)
    assert (found.answer_length, found.reference_length) == (expected.sys_len, expected.ref_len)


@given(st.one_of(ANY, st.text()))
def test_tokens_are_those_of_mteval(text: str) -> None:
    assert tokens_13a(text) == Tokenizer13a()(text.rstrip()).split()


@pytest.mark.parametrize(
    "settings",
    [{}, {"word_order": 2}, {"lowercase": True, "whitespace": True}, {"char_order": 3}],
    ids=str,
)
def test_chrf_is_sacrebleus(settings: dict[str, Any]) -> None:
    chosen = ChrfSettings(**settings)
    compare(
        CHRF(**settings),
        lambda answer, accepted: chrf(answer, accepted, settings=chosen),
        lambda answers, accepted: corpus_chrf(answers, accepted, settings=chosen),
        TEXTS[::2],
    )


@given(ANY, ANY)
def test_any_text_has_sacrebleus_bleu_and_chrf(answer: str, reference: str) -> None:
    expected = BLEU(effective_order=True).sentence_score(answer, [reference]).score
    assert bleu(answer, reference).score == pytest.approx(expected, abs=1e-9)
    expected = CHRF(word_order=2, beta=3).sentence_score(answer, [reference]).score
    settings = ChrfSettings(word_order=2, beta=3)
    assert chrf(answer, reference, settings=settings).score == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("plain", [True, False])
def test_ter_is_sacrebleus(plain: bool) -> None:
    chosen = TerSettings() if plain else TerSettings(lowercase=False, punctuation=False)
    compare(
        TER() if plain else TER(case_sensitive=True, no_punct=True),
        lambda answer, accepted: ter(answer, accepted, settings=chosen),
        lambda answers, accepted: corpus_ter(answers, accepted, settings=chosen),
        TEXTS[::5],
    )


@pytest.mark.parametrize("place", range(len(LONG)))
def test_ter_is_sacrebleus_where_its_beam_may_bind(place: int) -> None:
    answer, reference = LONG[place]
    expected = TER().sentence_score(answer, [reference])
    assert ter(answer, reference).score == pytest.approx(expected.score, abs=1e-9)


# Few words that repeat: many shifts of many lengths, and every tie between them.
@given(st.text("abcd", max_size=14), st.text("abcd", max_size=14))
def test_ter_breaks_ties_as_sacrebleu_does(answer: str, reference: str) -> None:
    given_words, wanted = " ".join(answer), " ".join(reference)
    expected = TER().sentence_score(given_words, [wanted])
    found = ter(given_words, wanted)
    assert (found.score, found.edits) == pytest.approx((expected.score, expected.num_edits))


def test_a_published_bleu() -> None:
    # Papineni et al. 2002, sec. 2.1: "the" occurs twice in a reference, so 2/7 and not 7/7
    accepted = ["The cat is on the mat.", "There is a cat on the mat."]
    settings = BleuSettings(max_order=1, lowercase=True, tokens="13a")
    found = bleu("the the the the the the the", accepted, settings=settings)
    assert found.precisions[0] == pytest.approx(100 * 2 / 7)


def test_a_published_ter() -> None:
    # Snover et al. 2006, sec. 2: one shift, two substitutions and one insertion for 13 words
    reference = "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times"
    answer = "THIS WEEK THE SAUDIS denied information published in the new york times"
    found = ter(answer, reference)
    assert found.edits == 4
    assert found.score == pytest.approx(100 * 4 / 13)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bleu("a", []),
        lambda: corpus_bleu([], []),
        lambda: corpus_chrf(["a"], ["a", "b"]),
        lambda: corpus_ter(["a"], [[]]),
        lambda: BleuSettings(smoothing="laplace"),
        lambda: BleuSettings(tokens="14a"),
        lambda: BleuSettings(max_order=0),
        lambda: ChrfSettings(beta=0),
    ],
)
def test_what_cannot_be_scored_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()
