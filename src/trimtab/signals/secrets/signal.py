"""Credentials in a text: keys of some 130 kinds, passwords and tokens by the words before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trimtab.signals.characters import without_accents
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.growing import CODED, WORD, Stretches, given, seen
from trimtab.signals.layer import Layer
from trimtab.signals.secrets.assignments import QUOTED, assigned
from trimtab.signals.secrets.keys import BLOCKS, keys, named
from trimtab.signals.secrets.spelt import SPELT, spelt
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text


class Hit(NamedTuple):
    """A find, in characters of the normalised text."""

    start: int
    end: int
    kind: str
    score: float


_UNNAMED = frozenset({"generic_secret", "password", "bearer_token", "basic_auth_credentials"})
"""Found by what stands before them, so that a name found within says more."""

_STRETCHES = Stretches((WORD, *BLOCKS, QUOTED, SPELT, *CODED))


class Secrets:
    """Finds what must not be seen, sent or stored, also in base64, hexadecimal and escapes.

    Kinds are `<vendor>_<what>`, and `private_key`, `jwt`, `connection_string`, `basic_auth_url`,
    `basic_auth_credentials`, `bearer_token`, `password`, `generic_secret`.

    Args:
        placeholders: whether the values of documentation count: `<your-key>`, `changeme`, and keys
            that vendors print in theirs.

    >>> key = "gsk_" + "x7Yw2mQ9" * 6
    >>> Secrets().read(Text(f"use {key} or <your-key>")).findings
    (Finding(start=4, end=56, kind='groq_api_key', score=0.95),)
    """

    name = "secrets"
    version = "5"
    scale = "risk"
    lookback_chars = 512
    is_learned = False

    def __init__(self, *, placeholders: bool = False) -> None:
        self._placeholders = placeholders

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """How sure the surest finding is."""
        del about
        made = self._hits(text.plain)
        made = _with_decoded(made, (Hit(*key) for key in spelt(text.plain)))
        for layer in (*text.layers, *text.unmarked):
            made = _with_decoded(made, self._decoded(layer))
        if not made:
            return NOTHING
        findings = []
        for start, end, kind, score in sorted(made):
            first, last = text.raw_span(start, end)
            findings.append(Finding(start=first, end=last, kind=kind, score=score))
        return Reading(score=max(one.score for one in findings), findings=tuple(findings))

    def cut(self, text: Text, at: int) -> int:
        """The last place up to `at` that lies in no key, however long, and in nothing encoded."""
        return given(text, _STRETCHES.cut(text.plain, seen(text, at)))

    def _hits(self, plain: str) -> list[Hit]:
        if not plain.isascii():
            plain = without_accents(plain)
        # One byte a character: places in the bytes are places in the text.
        data = plain.encode("ascii", "replace")
        made = [Hit(*key) for key in keys(plain, data, placeholders=self._placeholders)]
        taken = [(key.start, key.end) for key in made]
        at = 0
        for one in assigned(plain, data, placeholders=self._placeholders):
            while at < len(taken) and taken[at][1] <= one.start:
                at += 1
            if at < len(taken) and taken[at][0] < one.end:
                continue
            kind = named(plain, one.start, one.end)
            made.append(Hit(one.start, one.end, kind or one.kind, 0.9 if kind else one.score))
        return made

    def _decoded(self, layer: Layer) -> Iterator[Hit]:
        """What only decoding shows, by the place of its code."""
        inner = Text(layer.text)
        for hit in self._hits(inner.plain):
            start, end = inner.raw_span(hit.start, hit.end)
            if not layer.is_said(start, end):
                yield Hit(*layer.span(start, end), hit.kind, hit.score)


def _with_decoded(made: list[Hit], decoded: Iterable[Hit]) -> list[Hit]:
    """Finds and decoded ones, which stay where no other is, or name what another only suspects."""
    for hit in decoded:
        over = [one for one in made if one.start < hit.end and hit.start < one.end]
        if (hit.kind in _UNNAMED and over) or not all(one.kind in _UNNAMED for one in over):
            continue
        start = min([hit.start, *(one.start for one in over)])
        end = max([hit.end, *(one.end for one in over)])
        made = [one for one in made if one not in over]
        made.append(Hit(start, end, hit.kind, hit.score))
    return made
