"""Reads passages for the sentences that answer a question. Pure: passages in, quotes out.

It weighs words, never meaning: a sentence is good when it contains the rare words of the question,
above all where its subject stands. It writes nothing of its own and follows no instruction, neither
of the question nor of a passage.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from trimtab.measures.terms import Analyser
from trimtab.measures.text import sentences
from trimtab.providers.extract.confidence import Features, confidence
from trimtab.records import Passage

__all__ = ["Quote", "Reader", "Reading", "focus"]

# How much a term counts that stands in a heading above the sentence but not in the sentence.
IN_HEADING = 0.5
# What a term adds when it is among the first terms of the sentence, where its subject stands,
# and when the sentence says what it is.
AS_SUBJECT = 0.3
SUBJECT_TERMS = 2
DEFINED = 0.3
# What is added to that when the question asks for a definition and the sentence looks like one.
DEFINITION = 0.1
# Code answers a question only when the question asks for something to type.
CODE_UNASKED = 0.7
# A further sentence is quoted when its score is at least this share of the best one's.
FURTHER_QUOTE = 0.8
# Of a longer message only this many characters are read as the question.
QUESTION_LIMIT = 8_000
# Passages whose sentences are remembered, about 10 kB each with their terms.
_PASSAGES_KEPT = 2_048

_QUESTION_WORDS = "mean exactly happen possible way know want need"
_ASKS_FOR_CODE = re.compile(
    r"\b(?:command|code|example|snippet|yaml|json|curl|python|syntax|write|configure|set up|install"
    r"|how (?:do|can|to|would|should))\b",
    re.IGNORECASE,
)
_ASKS_WHAT = re.compile(r"\bwhat(?:'s| is| are)\b", re.IGNORECASE)
_STATEMENT = re.compile(r"(.{1,60}?)\s(?:is|are|means|measures|names|holds|says)\s")
_DEFINITION = re.compile(r"(?:(?:is|are)\s(?:an?|the|one|what)|means|measures)\s")
_EMAIL = re.compile(r"(?<![^\s@<>])[^\s@<>]+@[^\s@<>]+\.[a-z]{2,}", re.IGNORECASE)


class Quote(NamedTuple):
    """A verbatim sentence, table row or code block, and the passage it is from."""

    text: str
    passage: str


class Reading(NamedTuple):
    """The quotes, best first, and what the confidence in them is computed from."""

    quotes: list[Quote]
    features: Features

    @property
    def confidence(self) -> float:
        return confidence(self.features)


class _Sentence(NamedTuple):
    text: str
    passage: int
    terms: list[str]
    heading: frozenset[str]
    defined: frozenset[str]
    is_definition: bool


class _Question(NamedTuple):
    weights: dict[str, float]
    asks_what: bool
    asks_for_code: bool


def focus(question: str) -> str:
    """The part of a message that asks something: its questions, or all of it without any.

    E-mail addresses are left out: they say who asks, not what. Only the first `QUESTION_LIMIT`
    characters are looked at.

    >>> focus("I am Jo (jo@example.org). Nice tool! How do I add a key?")
    'How do I add a key?'
    """
    text = _EMAIL.sub(" ", question[:QUESTION_LIMIT])
    return " ".join(s for s in sentences(text) if s.rstrip("\"')*_").endswith("?")) or text


class Reader:
    """Chooses sentences; safe to share between threads.

    >>> passage = Passage(id="a.md#x/0", source="a.md", text="Keys are hashed. The port is 8321.")
    >>> Reader().read("What is the port?", [passage], max_sentences=1).quotes
    [Quote(text='The port is 8321.', passage='a.md#x/0')]
    """

    def __init__(self) -> None:
        self._terms = Analyser("english")
        self._question_words = frozenset(self._terms(_QUESTION_WORDS))
        # The same passages are read again and again: splitting them is half of an answer's cost.
        self._sentences = lru_cache(_PASSAGES_KEPT)(self._analysed)

    def read(
        self, question: str, passages: Sequence[Passage], *, max_sentences: int
    ) -> Reading | None:
        """The best sentences for a question; None when there is no sentence to choose from.

        A term weighs 1 + log(1 + (n - df + 0.5) / (df + 0.5)), with n the number of sentences and
        df of those that contain it: what every passage says tells no sentence from another. The
        score of a sentence is the share of the weights that it and its surroundings contain.
        """
        pool = [
            sentence._replace(passage=number)
            for number, passage in enumerate(passages)
            for sentence in self._sentences(passage.heading, passage.text)
        ]
        if not pool:
            return None
        asked = focus(question)
        weights = _weights(self._question_terms(asked), pool)
        what, code = _ASKS_WHAT.search(asked), _ASKS_FOR_CODE.search(asked)
        scores = [_score(s, _Question(weights, bool(what), bool(code))) for s in pool]
        order = sorted(range(len(pool)), key=lambda n: (-scores[n], n))
        enough = FURTHER_QUOTE * scores[order[0]]
        quotes: dict[str, Quote] = {}
        for n in order:
            if len(quotes) >= max_sentences or scores[n] < enough:
                break
            quotes.setdefault(pool[n].text, Quote(pool[n].text, passages[pool[n].passage].id))
        return Reading([*quotes.values()], _features(pool, pool[order[0]], weights))

    def _analysed(self, heading: str, text: str) -> tuple[_Sentence, ...]:
        """The sentences of a passage; the number of the passage is filled in by who knows it."""
        above = frozenset(self._terms(heading))
        return tuple(self._sentence(sentence, above) for sentence in sentences(text))

    def _sentence(self, text: str, heading: frozenset[str]) -> _Sentence:
        statement = _STATEMENT.match(text)
        return _Sentence(
            text,
            0,
            self._terms(text),
            heading,
            defined=frozenset(self._terms(statement[1]) if statement else ()),
            is_definition=bool(statement and _DEFINITION.match(text, statement.end(1) + 1)),
        )

    def _question_terms(self, asked: str) -> list[str]:
        terms = list(dict.fromkeys(self._terms(asked)))
        return [term for term in terms if term not in self._question_words] or terms


def _weights(terms: list[str], pool: list[_Sentence]) -> dict[str, float]:
    """Weights of the question's terms in their order, summing to 1."""
    counts = Counter(term for sentence in pool for term in set(sentence.terms))
    raw = {
        term: 1 + math.log1p((len(pool) - counts[term] + 0.5) / (counts[term] + 0.5))
        for term in terms
    }
    total = sum(raw.values())
    return {term: weight / total for term, weight in raw.items()}


def _score(sentence: _Sentence, question: _Question) -> float:
    weights = question.weights
    inside, subject = set(sentence.terms), set(sentence.terms[:SUBJECT_TERMS])
    # What is defined must be asked for: "the retry limit is" says nothing about limits at large.
    defined = sentence.defined if sentence.defined <= weights.keys() else frozenset()
    defining = DEFINED + DEFINITION * (question.asks_what and sentence.is_definition)
    score = 0.0
    for term, weight in weights.items():
        if term in inside:
            score += weight * (1 + AS_SUBJECT * (term in subject) + defining * (term in defined))
        elif term in sentence.heading:
            score += weight * IN_HEADING
    unasked = sentence.text.startswith(("```", "~~~")) and not question.asks_for_code
    return score * (CODE_UNASKED if unasked else 1)


def _features(pool: list[_Sentence], sentence: _Sentence, weights: dict[str, float]) -> Features:
    inside = set(sentence.terms)
    anywhere = {term for each in pool for term in (*each.terms, *each.heading)}
    asked_pairs = list(pairwise(weights))
    told_pairs = set(pairwise(sentence.terms))
    return Features(
        answered=sum(w for term, w in weights.items() if term in inside | sentence.heading),
        found=sum(w for term, w in weights.items() if term in anywhere),
        matched=math.log1p(len(inside & weights.keys())),
        in_sequence=sum(pair in told_pairs for pair in asked_pairs) / max(1, len(asked_pairs)),
    )
