"""Texts compared word by word. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel

from trimtab.measures.text import sentences

Sign = Literal["=", "-", "+"]
Piece = tuple[Sign, str]

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_LIKENED = 4_000  # characters
_MOST_CELLS = 100_000_000  # of the matrix of two texts; a bit each


class Sentences(NamedTuple):
    """How many sentences a text has, and how many are other, more and fewer than before."""

    total: int
    changed: int
    added: int
    removed: int


def pieces(before: str, after: str) -> list[Piece]:
    """What stays, what went and what came, in order: words, or lines where there are too many.

    >>> pieces("Be brief.", "Be very brief.")
    [('=', 'Be '), ('+', 'very '), ('=', 'brief.')]
    """
    if before == after:
        return [("=", after)] if after else []
    for unit in (_WORD, _LINE):
        old, new = unit.findall(before), unit.findall(after)
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        rest = old[head : len(old) - tail], new[head : len(new) - tail]
        if len(rest[0]) * len(rest[1]) <= _MOST_CELLS:
            middle = _compared(*rest)
            return _joined([("=", old[:head]), *middle, ("=", old[len(old) - tail :])])
    return _joined([("-", [before]), ("+", [after])])


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many of the first are the same in both."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))


def _compared(old: Sequence[str], new: Sequence[str]) -> list[tuple[Sign, Sequence[str]]]:
    found: list[tuple[Sign, Sequence[str]]] = []
    for step in Indel.opcodes(old, new):
        if step.tag == "equal":
            found.append(("=", old[step.src_start : step.src_end]))
        else:
            found.append(("-", old[step.src_start : step.src_end]))
            found.append(("+", new[step.dest_start : step.dest_end]))
    return found


def _joined(steps: Sequence[tuple[Sign, Sequence[str]]]) -> list[Piece]:
    """Neighbours of one sign as one, and a change on both sides of a space as one change."""
    found: list[Piece] = []
    gone, come = "", ""
    for at, (sign, words) in enumerate(steps):
        text = "".join(words)
        if not text:
            continue
        between = 0 < at < len(steps) - 1 and not text.strip() and (gone or come)
        if sign == "=" and not between:
            found += _change(gone, come)
            gone = come = ""
            found.append((sign, text))
        else:
            gone += text if sign in "=-" else ""
            come += text if sign in "=+" else ""
    return found + _change(gone, come)


def _change(gone: str, come: str) -> list[Piece]:
    if gone == come:
        return [("=", gone)] if gone else []
    signed: list[Piece] = [("-", gone), ("+", come)]
    return [one for one in signed if one[1]]


def compared(before: str, after: str) -> Sentences:
    """How many sentences of a text are other ones.

    >>> compared("Be brief. Be kind.", "Be brief. Be very kind. Cite.")
    Sentences(total=3, changed=1, added=1, removed=0)
    """
    old, new = Counter(sentences(before)), Counter(sentences(after))
    gone, come = (old - new).total(), (new - old).total()
    changed = min(gone, come)
    return Sentences(
        total=max(old.total(), new.total()),
        changed=changed,
        added=come - changed,
        removed=gone - changed,
    )


def likeness(before: str, after: str) -> float:
    """From 0 to 1, by the words that the beginnings of both have in this order."""
    return Indel.normalized_similarity(
        _WORD.findall(before[:_LIKENED]), _WORD.findall(after[:_LIKENED])
    )
