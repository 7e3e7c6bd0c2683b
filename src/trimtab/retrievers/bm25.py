"""BM25 over passages held in memory: numpy postings, one pass per query, no I/O.

Passages go in once; a query comes in, the best passages go out with their scores. The index never
changes after it is built, so any number of threads may search it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from trimtab.errors import InvalidRequest
from trimtab.measures.terms import Analyser
from trimtab.records import Passage

__all__ = ["BM25"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


class BM25:
    """An inverted index ranked by BM25.

    score(q, d) = sum over the distinct terms t of q that are in d of
        idf(t) * tf / (tf + k1 * (1 - b + b * |d| / avg |d|))   (Robertson & Zaragoza 2009, eq 3.15)
        idf(t) = log(1 + (N - df + 0.5) / (df + 0.5))           (as Lucene: positive for every term)

    with tf the times t occurs in the text or the heading of d, |d| the number of its terms, N the
    number of passages and df of those with t. A score is therefore in [0, sum of the idf of q).

    Args:
        passages: in any order; the order does not matter.
        k1: saturation of tf, >= 0; 0 counts each term once.
        b: how much long passages are held back, in [0, 1].
        stemmer: a Snowball language, or None.
    Raises:
        InvalidRequest: a parameter is outside its range, or there is no such stemmer.

    >>> index = BM25([Passage(id="a.md#x/0", source="a.md", text="The port is 8321."),
    ...               Passage(id="a.md#y/0", source="a.md", text="Keys are hashed.")])
    >>> [passage.id for passage in index.search("Which port?", k=4)]
    ['a.md#x/0']
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        k1: float = 1.2,
        b: float = 0.75,
        stemmer: str | None = "english",
    ) -> None:
        _check("k1", k1, 0.0, math.inf)
        _check("b", b, 0.0, 1.0)
        self._terms = Analyser(stemmer)
        # Ordered by id, so that equal scores come out by id whatever order passages came in.
        self._passages = sorted(passages, key=lambda passage: (passage.id, passage.text))
        counts = [
            Counter(self._terms(f"{passage.heading}\n{passage.text}")) for passage in self._passages
        ]
        self._vocabulary: dict[str, int] = {}
        self._starts, self._documents, frequencies = _postings(counts, self._vocabulary)
        self._idf = _idf(len(counts), np.diff(self._starts))
        self._weights = self._weigh(frequencies, counts, k1, b)

    def _weigh(
        self, frequencies: FloatArray, counts: list[Counter[str]], k1: float, b: float
    ) -> FloatArray:
        """What each posting adds to the score of its passage."""
        lengths = np.array([count.total() for count in counts], dtype=np.float64)
        average = float(lengths.mean()) if lengths.any() else 1.0
        saturation = k1 * (1 - b + b * lengths[self._documents] / average)
        weights: FloatArray = frequencies / (frequencies + saturation)
        return weights * np.repeat(self._idf, np.diff(self._starts))

    def __len__(self) -> int:
        """The number of passages."""
        return len(self._passages)

    def search(self, query: str, *, k: int) -> list[Passage]:
        """The k best passages with their scores, best first, equal ones by id.

        Passages that share no term with the query are never returned, so there may be fewer; a
        query without terms, or a k below 1, finds nothing.
        """
        scores = self._scores(query)
        found = np.flatnonzero(scores)
        if not len(found) or k < 1:
            return []
        if len(found) > k:
            # Keep everything that ties with the k-th best: the sort decides among them by id.
            kth = np.partition(scores[found], len(found) - k)[len(found) - k]
            found = found[scores[found] >= kth]
        best = found[np.lexsort((found, -scores[found]))][:k]
        return [
            msgspec.structs.replace(self._passages[n], score=float(scores[n]))
            for n in best.tolist()
        ]

    def idf(self, term: str) -> float:
        """Inverse document frequency of a term as the analyser writes it (`configur`), > 0.

        A term that no passage has gets the largest value there is.
        """
        number = self._vocabulary.get(term)
        if number is None:
            return math.log(1 + (len(self) + 0.5) / 0.5)
        return float(self._idf[number])

    def _scores(self, query: str) -> FloatArray:
        scores = np.zeros(len(self._passages))
        # Added in one order whatever the query's, so that rounding cannot reorder the results.
        for number in sorted({self._vocabulary.get(term, -1) for term in self._terms(query)}):
            if number >= 0:
                here = slice(self._starts[number], self._starts[number + 1])
                scores[self._documents[here]] += self._weights[here]
        return scores


def _postings(
    counts: list[Counter[str]], vocabulary: dict[str, int]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Lists of (passage, frequency) per term, joined: term n has starts[n] to starts[n + 1].

    Fills `vocabulary` with the number of each term; terms are in alphabetical order.
    """
    by_term: dict[str, list[tuple[int, int]]] = {}
    for document, count in enumerate(counts):
        for term, frequency in count.items():
            by_term.setdefault(term, []).append((document, frequency))
    ordered = sorted(by_term)
    vocabulary.update((term, number) for number, term in enumerate(ordered))
    pairs = [pair for term in ordered for pair in by_term[term]]
    starts = np.cumsum([0, *(len(by_term[term]) for term in ordered)], dtype=np.intp)
    documents = np.array([document for document, _ in pairs], dtype=np.intp)
    return starts, documents, np.array([frequency for _, frequency in pairs], dtype=np.float64)


def _idf(size: int, frequencies: IntArray) -> FloatArray:
    idf: FloatArray = np.log1p((size - frequencies + 0.5) / (frequencies + 0.5))
    return idf


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or math.isinf(value):
        bounds = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise InvalidRequest(
            f"{name} must be {bounds}, not {value:g}",
            where=f"retrieval.{name}",
            fix="correct the retrieval settings of the release",
            got=value,
        )
