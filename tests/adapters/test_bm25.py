"""BM25 agrees with a slow reference, and ranks by its definition."""

from __future__ import annotations

import math
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import InvalidRequest
from trimtab.measures.terms import STOP_WORDS, Analyser
from trimtab.records import Passage, Retrieval
from trimtab.retrievers import build_bm25
from trimtab.retrievers.bm25 import BM25

WORDS = ["gate", "gates", "release", "released", "port", "key", "span", "the", "budget", "zebra"]
text = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
documents = st.lists(st.tuples(text, text), max_size=8)
parameters = st.tuples(
    st.sampled_from([0.0, 0.5, 1.2, 3.0]), st.sampled_from([0.0, 0.4, 0.75, 1.0])
)


analyse = Analyser()


def passages(texts: list[tuple[str, str]]) -> list[Passage]:
    return [
        Passage(id=f"a.md#s/{n}", source="a.md", heading=heading, text=body)
        for n, (heading, body) in enumerate(texts)
    ]


def reference(texts: list[tuple[str, str]], query: str, k1: float, b: float) -> dict[str, float]:
    """BM25 term by term and document by document, from the formula alone."""
    bags = {p.id: analyse(p.heading) + analyse(p.text) for p in passages(texts)}
    mean_length = sum(len(bag) for bag in bags.values()) / len(bags) if bags else 0
    scores: dict[str, float] = {}
    for name, bag in bags.items():
        for term in set(analyse(query)):
            containing = len([1 for other in bags.values() if term in other])
            idf = math.log(1 + (len(bags) - containing + 0.5) / (containing + 0.5))
            tf = bag.count(term)
            if tf:
                norm = (1 - b) + b * (len(bag) / mean_length)
                scores[name] = scores.get(name, 0.0) + idf * tf / (tf + k1 * norm)
    return scores


@given(documents, text, parameters)
def test_scores_equal_the_formula(
    texts: list[tuple[str, str]], query: str, parameters: tuple[float, float]
) -> None:
    k1, b = parameters
    found = {p.id: p.score for p in BM25(passages(texts), k1=k1, b=b).search(query, k=100)}
    expected = reference(texts, query, k1, b)
    assert found.keys() == expected.keys()
    for name, score in found.items():
        assert score == pytest.approx(expected[name], rel=1e-12)


def test_scores_equal_the_formula_on_a_larger_corpus() -> None:
    rng = random.Random(7)
    vocabulary = [f"word{n}" for n in range(300)]
    texts = [
        ("", " ".join(rng.choices(vocabulary, k=rng.randint(1, 80), weights=range(1, 301))))
        for _ in range(200)
    ]
    index = BM25(passages(texts))
    for _ in range(20):
        query = " ".join(rng.sample(vocabulary, 5))
        expected = reference(texts, query, 1.2, 0.75)
        best = sorted(expected, key=lambda name: (-round(expected[name], 12), name))[:10]
        assert [p.id for p in index.search(query, k=10)] == best


@given(documents, st.tuples(text, text), text)
def test_adding_a_document_removes_no_other_from_the_full_ranking(
    texts: list[tuple[str, str]], added: tuple[str, str], query: str
) -> None:
    before = {p.id for p in BM25(passages(texts)).search(query, k=100)}
    after = {p.id for p in BM25(passages([*texts, added])).search(query, k=100)}
    assert before <= after


@given(documents, text)
def test_scores_are_positive_and_below_the_sum_of_the_idf(
    texts: list[tuple[str, str]], query: str
) -> None:
    index = BM25(passages(texts))
    most = sum(index.idf(term) for term in set(analyse(query)))
    for passage in index.search(query, k=100):
        assert 0 < passage.score < most


@given(documents)
def test_a_rarer_term_has_the_higher_idf(texts: list[tuple[str, str]]) -> None:
    index = BM25(passages(texts))
    bags = [{*analyse(heading), *analyse(body)} for heading, body in texts]
    frequency = {term: sum(term in bag for bag in bags) for term in analyse(" ".join(WORDS))}
    by_frequency = sorted(frequency, key=frequency.__getitem__)
    idfs = [index.idf(term) for term in by_frequency]
    assert idfs == sorted(idfs, reverse=True)
    assert all(idf > 0 for idf in idfs)


@given(documents, st.lists(st.sampled_from(WORDS), max_size=6), st.randoms(), st.integers(0, 10))
def test_the_order_of_passages_and_of_the_query_makes_no_difference(
    texts: list[tuple[str, str]], query: list[str], rng: random.Random, k: int
) -> None:
    given_order, other_order = passages(texts), passages(texts)
    rng.shuffle(other_order)
    expected = BM25(given_order).search(" ".join(query), k=k)
    rng.shuffle(query)
    assert BM25(other_order).search(" ".join(query), k=k) == expected


@given(documents, text, st.integers(1, 10))
def test_the_best_k_are_the_head_of_the_full_ranking(
    texts: list[tuple[str, str]], query: str, k: int
) -> None:
    index = BM25(passages(texts))
    assert index.search(query, k=k) == index.search(query, k=100)[:k]


def test_a_repeated_word_of_the_query_counts_once() -> None:
    index = BM25(passages([("", "port key"), ("", "key key span")]))
    assert index.search("port port port key", k=2) == index.search("port key", k=2)


def test_the_heading_is_searched_as_well() -> None:
    index = BM25(passages([("Budgets", "Set a limit."), ("", "Nothing here.")]))
    assert [p.id for p in index.search("budget", k=5)] == ["a.md#s/0"]


def test_longer_passages_count_less_only_when_b_says_so() -> None:
    texts = [("", "port " + "filler " * 50), ("", "port")]
    short_first = [p.id for p in BM25(passages(texts), b=0.75).search("port", k=2)]
    assert short_first == ["a.md#s/1", "a.md#s/0"]
    one, other = BM25(passages(texts), b=0.0).search("port", k=2)
    assert one.score == other.score


def test_a_stemmer_of_another_language_can_be_chosen() -> None:
    german = passages([("", "Die Freigaben werden geprüft."), ("", "Ein Schlüssel.")])
    assert BM25(german, stemmer="german").search("Freigabe", k=1)
    assert not BM25(german, stemmer=None).search("Freigabe", k=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k1": -0.1}, "k1 must be at least 0, not -0.1"),
        ({"k1": math.inf}, "k1 must be at least 0"),
        ({"k1": math.nan}, "k1 must be at least 0"),
        ({"b": 1.01}, "b must be between 0 and 1"),
        ({"b": math.nan}, "b must be between 0 and 1"),
        ({"stemmer": "klingon"}, "unknown stemmer 'klingon'"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        BM25([], **settings)
    assert caught.value.where == f"retrieval.{next(iter(settings))}"


def test_an_index_is_built_from_documents_by_the_settings_of_a_release() -> None:
    document = ("docs/a.md", "# Keys\n" + "One key is here now. " * 40 + "\n# Ports\nPort 8321.")
    index = build_bm25(Retrieval(corpus="docs", chunk_words=20), [document])
    assert len(index) > 5
    assert index.search("port", k=1)[0].id == "docs/a.md#ports/0"
    assert index.search("port", k=1)[0].heading == "Ports"


def test_the_stems_of_an_analyser_are_those_of_a_fresh_one_when_threads_share_it() -> None:
    vocabulary = [f"{a}{b}" for a in WORDS for b in ("ing", "ed", "s", "ization", "fully")] * 20
    shared = Analyser()
    with ThreadPoolExecutor(8) as pool:
        stems = list(pool.map(shared, vocabulary))
    assert stems == [Analyser()(word) for word in vocabulary]


def test_stop_words_are_lower_case_and_in_no_index() -> None:
    assert {word.lower() for word in STOP_WORDS} == STOP_WORDS
    assert Analyser()(" ".join(sorted(STOP_WORDS))) == []
