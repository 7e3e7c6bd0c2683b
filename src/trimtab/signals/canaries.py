"""Canaries: marks put into a prompt that nothing but the prompt can have put into an answer.

Found as they were made, and through case, spacing, punctuation, invisible characters, reversal,
rot13, base64, base32, hexadecimal, decimal and binary codes.
"""

from __future__ import annotations

import base64
import codecs
import re
import secrets
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from trimtab.signals.finding import Finding
from trimtab.signals.normal import normal
from trimtab.signals.text import Text

_BETWEEN = re.compile(r"[\W_]+")
_NO_WORD = bytes(code for code in range(128) if not chr(code).isalnum())
_LEAST = 8
_MOST = 100


def canary() -> str:
    """A new canary, to be put into a prompt and named in `About.canaries`.

    >>> len(canary())
    23
    """
    return f"canary-{secrets.token_hex(8)}"


def canaries_in(text: Text, canaries: Iterable[str]) -> list[Finding]:
    """Where canaries stand in a text, at most a hundred times each.

    A canary of fewer than eight letters and digits is looked for as a word only: spelt in some
    other way it would be found in ordinary text.
    """
    wanted = [canary for canary in canaries if _squeezed(canary)]
    if not wanted:
        return []
    found: set[tuple[int, int]] = set()
    squeezed = _Squeezed(text)
    for canary in wanted:
        if len(_squeezed(normal(canary).text)) < _LEAST:
            found.update(islice(_as_word(text, canary), _MOST))
        else:
            found.update(islice(squeezed.find(canary), _MOST))
    return [
        Finding(start=start, end=end, kind="canary")
        for start, end in _apart(sorted(text.raw_span(*span) for span in found))
    ]


def _as_word(text: Text, canary: str) -> Iterator[tuple[int, int]]:
    exact = re.compile(r"(?<!\w)" + re.escape(Text(canary).folded) + r"(?!\w)")
    return (match.span() for match in exact.finditer(text.folded))


class _Squeezed:
    """The letters and digits of a text alone, with the way back to its plain form."""

    def __init__(self, text: Text) -> None:
        self.plain = text.plain
        self.cased = _squeezed(text.plain)
        self.folded = _squeezed(text.folded)
        self._places: list[int] | None = None

    def find(self, canary: str) -> Iterator[tuple[int, int]]:
        cased, folded = _spellings(canary)
        for view, needles in ((self.folded, folded), (self.cased, cased)):
            for needle in needles:
                at = view.find(needle)
                while at >= 0:
                    yield self._span(at, at + len(needle))
                    at = view.find(needle, at + len(needle))

    def _span(self, start: int, end: int) -> tuple[int, int]:
        if self._places is None:
            self._places = [at for at, char in enumerate(self.plain) if char.isalnum()]
        return self._places[start], self._places[end - 1] + 1


@lru_cache(maxsize=256)
def _spellings(canary: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What to look for where case counts, and where it does not."""
    plain = Text(canary).plain
    word = _squeezed(Text(canary).folded)
    forms = {form.encode("utf-8", "ignore") for form in (plain, plain.lower(), plain.upper(), word)}
    forms.add(word.upper().encode("utf-8", "ignore"))
    cased = {_squeezed(code) for form in forms for code in _in_base64(form)}
    folded = {word, word[::-1], codecs.encode(word, "rot13")}
    for form in forms:
        pairs = [f"{byte:02x}" for byte in form]
        folded |= {"".join(pairs), "x".join(pairs), "0x".join(pairs)}
        folded.add("".join(f"{byte:d}" for byte in form))
        folded.add("".join(f"{byte:08b}" for byte in form))
        folded.add(_squeezed(base64.b32encode(form).decode()).lower())
    return tuple(sorted(cased)), tuple(sorted(folded))


def _in_base64(form: bytes) -> Iterator[str]:
    """What of a form is the same in base64 whatever stands before and after it."""
    for before in range(3):
        code = base64.b64encode(bytes(before) + form).decode()
        first = (0, 2, 3)[before]
        rest = (before + len(form)) % 3
        last = len(code) - (0, 3, 2)[rest]
        yield code[first:last]


def _squeezed(text: str) -> str:
    if text.isascii():
        return text.encode().translate(None, _NO_WORD).decode()
    return _BETWEEN.sub("", text)


def _apart(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    end = -1
    for span in spans:
        if span[0] >= end:
            yield span
            end = span[1]
