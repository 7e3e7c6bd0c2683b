"""Index terms of a text: its words without stop words, reduced to stems.

Retrieval and the embedded model must see the same terms, so both take them from here. Pure: a
string in, a list of strings out; what it remembers is only a bounded cache of stems.
"""

from __future__ import annotations

import threading
from typing import Any

import snowballstemmer

from trimtab.errors import InvalidRequest
from trimtab.measures.text import words

__all__ = ["STOP_WORDS", "Analyser"]

# Function words of English and the words a question is asked with. Negations stay: "not" changes
# what a passage says.
_ENGLISH = """
    a about am an and any are as at be been being but by can could did do does doing for from get
    had has have having he her here hers him his how i if in into is it its just let me may might my
    of on or our ours please shall she should so some such tell than that the their theirs them then
    there these they this those to us was we were what when where which while who whom whose why
    will with would you your yours i'm i'd i've i'll it's that's there's what's who's how's where's
    you're we're they're let's don't doesn't didn't can't won't isn't aren't wasn't couldn't
    shouldn't
"""
STOP_WORDS = frozenset(_ENGLISH.split())

_CACHE_LIMIT = 100_000


class Analyser:
    """Turns texts into index terms; safe to share between threads.

    Args:
        stemmer: a Snowball language (`english`, `german`, ...), or None to keep words as they are.
            Stop words are left out for English and for no stemmer; other languages keep them all.

    Raises:
        InvalidRequest: there is no such stemmer.

    >>> Analyser()("How do I configure the gateways?")
    ['configur', 'gateway']
    """

    def __init__(self, stemmer: str | None = "english") -> None:
        if stemmer is not None and stemmer not in snowballstemmer.algorithms():
            allowed = sorted(snowballstemmer.algorithms())
            raise InvalidRequest(
                f"unknown stemmer {stemmer!r}",
                where="retrieval.stemmer",
                fix=f"use one of {', '.join(allowed)}, or null",
                got=stemmer,
                allowed=allowed,
            )
        self.stemmer = stemmer
        self._stop_words = STOP_WORDS if stemmer in (None, "english", "porter") else frozenset()
        self._snowball = snowballstemmer.stemmer(stemmer) if stemmer else None
        self._stems: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, text: str) -> list[str]:
        """The terms of a text in order, repeated as often as they occur."""
        kept = [word for word in words(text) if word not in self._stop_words]
        return kept if self._snowball is None else [self._stem(self._snowball, w) for w in kept]

    def _stem(self, snowball: Any, word: str) -> str:
        stem = self._stems.get(word)
        if stem is None:
            # A Snowball stemmer works in place on one word, so only one thread may be in it.
            with self._lock:
                stem = str(snowball.stemWord(word))
                if len(self._stems) >= _CACHE_LIMIT:
                    self._stems.clear()
                self._stems[word] = stem
        return stem
