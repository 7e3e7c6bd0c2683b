"""Markup within words, which a renderer makes nothing of: `sk-**ab**cd` is shown as `sk-abcd`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from trimtab.signals.encodings import Spans
from trimtab.signals.layer import Layer, Mixed

MOST_LAYERS = 24
MOST_CHARS = 12_000
"""Of all layers of a text together."""
LONGEST = 8_000
MOST_WORDS = 2_000
LEAST_CHARS = 10
"""Of a word without its markup: less is no key, address or number."""

_NEAR = 80
_WORD = "[0-9A-Za-z@._+/=:-]"
_MARK = re.compile(r"(?:\*{1,3}|`{1,3}|~~|</?[A-Za-z][^<>\n]{0,80}>|<!--[^<>\n]{0,80}-->){1,4}")
_MARKED = re.compile(rf"{_WORD}+(?:{_MARK.pattern}{_WORD}+)+")
_ANY = re.compile(rf"{_WORD}[*`~<]")


def unmarked(plain: str) -> tuple[Layer, ...]:
    """The stretches of a text that have markup within words, without it, within bounds.

    >>> [one.text for one in unmarked("key sk-**ab**cdefgh.")], unmarked("**all** of it")
    (['key sk-abcdefgh.'], ())
    """
    # Most texts have no such sign at all, which is quicker to see than where one stands.
    if not any(sign in plain for sign in "*`~<") or _ANY.search(plain) is None:
        return ()
    found: list[Layer] = []
    left = MOST_CHARS
    for rows in islice(_near(_marks(plain)), MOST_LAYERS):
        found.append(_layer(plain, rows))
        left -= len(found[-1].text)
        if left <= 0:
            break
    return tuple(found)


def _marks(plain: str) -> Iterator[tuple[int, int]]:
    """The markup within words that are long enough without it."""
    for word in islice(_MARKED.finditer(plain), MOST_WORDS):
        marks = [one.span() for one in _MARK.finditer(plain, *word.span())]
        if len(word[0]) - sum(end - start for start, end in marks) >= LEAST_CHARS:
            yield from marks


def _near(marks: Iterable[tuple[int, int]]) -> Iterator[Spans]:
    """Marks that stand near each other, no further apart than a layer may be long."""
    rows: Spans = []
    for start, end in marks:
        if rows and (start - rows[-1][1] > _NEAR or end - rows[0][0] > LONGEST):
            yield rows
            rows = []
        rows.append((start, end))
    if rows:
        yield rows


def _layer(plain: str, rows: Spans) -> Layer:
    done = max(0, rows[0][0] - _NEAR)
    last = min(len(plain), rows[-1][1] + _NEAR)
    parts: list[str] = []
    spans: Spans = []
    for start, end in [*rows, (last, last)]:
        parts.append(plain[done:start])
        spans += [(at, at + 1) for at in range(done, start)]
        done = end
    return Layer("".join(parts), rows[0][0], rows[-1][1], Mixed(spans, len(rows)), None)
