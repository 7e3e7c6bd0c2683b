"""Support: how much of a sentence a source says, in six numbers, by words and by what is like them.

Words are compared without their endings, weighted by how rare they are in English (the rank in the
vocabulary of the embeddings, which is sorted so), and a word that the source lacks counts as much
as the source's nearest word is like it: numbers never do. Work is linear in text and source, but
for at most 2,000 lacking words by 4,000 words of the source; a word's first 64 places decide in
which passages it stands.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from math import log
from operator import mul
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.table import FloatArray, table

_WORD = re.compile(r"[^\W_]+")
_END = re.compile("[.!?\u2026][\"'\u201d\u2019)\\]]{0,3}\\s|[\u3002\uff01\uff1f]|\\n")
_ENDINGS = ("edly", "ing", "ied", "ies", "ed", "es", "ly", "s", "e", "y")
_LEAST_STEM = 3
_PASSAGE = 2  # sentences of the source that are taken together
_MOST_CHARS = 400_000
_MOST_SENTENCES = 2_000
_MOST_PLACES = 64
_MOST_LACKING = 2_000
_MOST_KNOWN = 4_000
_BLOCK_ROWS, _BLOCK_OTHERS = 32, 64

COMMON = frozenset(
    _WORD.findall(
        "a an the and or but if of to in on at by for with from as is are was were be been "
        "being am i you he she it we they me him her us them my your his its our their this "
        "that these those there here do does did done have has had having not no nor so than "
        "then too very can could will would shall should may might must just about into over "
        "under again also only own same such both each few more most other some any all out up "
        "down off s t re ve ll d m don didn doesn isn wasn what which who whom whose when where "
        "why how because while during before after above below between through until against "
        "yes well oh"
    )
)
"""Words that say nothing of the world by themselves."""

SPEAKERS = frozenset(_WORD.findall("i me my mine myself you your yours we us our ours"))
"""Whoever says these speaks of the two who talk, of whom sources say nothing."""


class Support(NamedTuple):
    """How far a source says what a sentence says; each in [0, 1], 1 for what is all there.

    Args:
        meaning: of the weight of its content words, how much is in the source, or like it.
        words: the share of its words, common ones too, that the source has.
        pairs: the share of its pairs of neighbouring words that stand so in the source.
        passage: the weight of content words that one passage of two sentences has.
        numbers: the share of its numbers that the source has; 1 without any.
        impersonal: 0 where it speaks of the speakers and the source does not, or asks.
    """

    meaning: float
    words: float
    pairs: float
    passage: float
    numbers: float
    impersonal: float


class Sentence(NamedTuple):
    """A sentence of a text, by its place, and its words in lower case."""

    start: int
    end: int
    words: tuple[str, ...]
    asks: bool


def sentences(text: str) -> list[Sentence]:
    """The sentences that have words, of the first 400,000 characters; no more than 2,000 are told
    apart, and the rest is one.

    >>> text = "Ports are open. Are they?"
    >>> [text[one.start : one.end] for one in sentences(text)]
    ['Ports are open.', 'Are they?']
    """
    text = text[:_MOST_CHARS]
    ends = islice(_END.finditer(text), _MOST_SENTENCES)
    edges = [0, *(match.end() for match in ends), len(text)]
    found = []
    for start, end in pairwise(edges):
        part = text[start:end]
        words = tuple(_WORD.findall(part.lower()))
        if words:
            left = len(part) - len(part.lstrip())
            right = len(part.rstrip())
            asks = part.rstrip(' \t\r\n"\u201d)').endswith(("?", "\uff1f"))
            found.append(Sentence(start + left, start + right, words, asks))
    return found


class Source:
    """What texts are held against: built once, then asked of many sentences."""

    def __init__(self, passages: Sequence[str]) -> None:
        found = [one.words for passage in passages for one in sentences(passage)]
        self._stems = {stem(word) for words in found for word in words}
        self._pairs = {pair for words in found for pair in pairwise(map(stem, words))}
        self._known = list(dict.fromkeys(w for words in found for w in words if w not in COMMON))
        self._speaks = any(word in SPEAKERS for words in found for word in words)
        self._places: dict[str, list[int]] = defaultdict(list)
        for at, words in enumerate(found):
            for one in set(map(stem, words)):
                if len(self._places[one]) < _MOST_PLACES:
                    self._places[one] += range(max(at - _PASSAGE + 1, 0), at + 1)
        self._size = len(found)

    def support(self, found: Sequence[Sentence]) -> list[Support]:
        """How far the source says each sentence."""
        lacking = dict.fromkeys(
            word for one in found for word in _content(one.words) if stem(word) not in self._stems
        )
        likeness = self._likeness(list(lacking)[:_MOST_LACKING])
        return [self._support(one, likeness) for one in found]

    def _support(self, sentence: Sentence, likeness: dict[str, float]) -> Support:
        stems = [stem(word) for word in sentence.words]
        pairs = list(pairwise(stems))
        content = _content(sentence.words)
        weights = [rarity(word) for word in content]
        there = [1.0 if stem(word) in self._stems else likeness.get(word, 0.0) for word in content]
        words = sum(one in self._stems for one in stems) / len(stems)
        numbers = [word for word in sentence.words if _is_number(word)]
        right = sum(stem(number) in self._stems for number in numbers)
        speaks = not self._speaks and any(word in SPEAKERS for word in sentence.words)
        return Support(
            meaning=sum(map(mul, weights, there)) / sum(weights),
            words=words,
            pairs=sum(pair in self._pairs for pair in pairs) / len(pairs) if pairs else words,
            passage=self._passage(content, weights),
            numbers=right / len(numbers) if numbers else 1.0,
            impersonal=0.0 if speaks or sentence.asks else 1.0,
        )

    def _passage(self, content: Sequence[str], weights: Sequence[float]) -> float:
        if not self._size:
            return 0.0
        held: dict[int, float] = defaultdict(float)
        each = {stem(word): weight for word, weight in zip(content, weights, strict=True)}
        for one, weight in each.items():
            for at in set(self._places.get(one, ())):
                held[at] += weight
        return min(max(held.values(), default=0.0) / sum(each.values()), 1.0)

    def _likeness(self, lacking: Sequence[str]) -> dict[str, float]:
        """For each word, the cosine to the source's nearest, from 0."""
        if not lacking or not self._known:
            return {}
        nearest = _nearest(table().embed(lacking), self._vectors).tolist()
        return {
            word: 0.0 if _is_number(word) else best
            for word, best in zip(lacking, nearest, strict=True)
        }

    @cached_property
    def _vectors(self) -> FloatArray:
        return table().embed(self._known[:_MOST_KNOWN])


def _nearest(rows: FloatArray, others: FloatArray) -> FloatArray:
    """For each row its greatest product with another, from 0; shape (len(rows),).

    In blocks of 2**18 multiplications at most, which OpenBLAS does in the thread that asks: to wake
    its own threads takes longer than they save, many times as long where the processors are busy.
    """
    best = np.zeros(len(rows), dtype=np.float32)
    for first in range(0, len(rows), _BLOCK_ROWS):
        some = slice(first, first + _BLOCK_ROWS)
        for start in range(0, len(others), _BLOCK_OTHERS):
            products = rows[some] @ others[start : start + _BLOCK_OTHERS].T
            best[some] = np.maximum(best[some], products.max(axis=1))
    return best


def weighted(supports: Sequence[Support], found: Sequence[Sentence]) -> npt.NDArray[np.float64]:
    """The six numbers of several sentences together: each counts by its words."""
    counts = np.array([len(one.words) for one in found], dtype=np.float64)
    together: npt.NDArray[np.float64] = counts @ np.array(supports) / counts.sum()
    return together


def _content(words: Sequence[str]) -> Sequence[str]:
    """The words that say something; all of them where none does."""
    return [word for word in words if word not in COMMON] or words


def _is_number(word: str) -> bool:
    return any(map(str.isdigit, word))


@lru_cache(maxsize=8_192)
def stem(word: str) -> str:
    """A word without its ending, roughly: what is left is compared, never shown.

    >>> [stem(word) for word in ("port", "ports", "opening", "opened", "cities", "city")]
    ['port', 'port', 'open', 'open', 'cit', 'cit']
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word[: -len(ending)]
    return word


def rarity(word: str) -> float:
    """From 0.1 for the most frequent word to 1 for one that the vocabulary lacks."""
    ranks = _ranks()
    return max(log(ranks.get(word, len(ranks)) + 1) / log(len(ranks) + 1), 0.1)


@lru_cache(maxsize=1)
def _ranks() -> dict[str, int]:
    return {word: at for at, word in enumerate(_ordered(table().vocabulary))}


def _ordered(vocabulary: Iterable[str]) -> Iterable[str]:
    return (word for word in vocabulary if len(word) > 1 and not word.startswith("##"))
