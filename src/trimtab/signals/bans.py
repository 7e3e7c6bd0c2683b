"""Ban lists: words and phrases of the user's own, in their thousands, in one pass.

Also found are terms with their letters apart, with accents that they do not have, and in base64,
hexadecimal and escapes.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from trimtab.errors import ConfigError
from trimtab.kit.hashing import digest
from trimtab.signals.encodings import ESCAPE
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.gapped import LEAST_LETTERS, WIDEST, Gapped, Term, any_of
from trimtab.signals.growing import CODED, WORD, Stretches, given, seen
from trimtab.signals.normal import normal
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_WORD = re.compile(r"[^\W_]+")
_SIGN = re.compile(r"[^\w\s]|_")
# Scripts that put no spaces between words: Thai to Khmer, kana, ideographs.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LONGEST_CODE = 11  # letters; what is longer in base64 is decoded as any text is
_ESCAPED = rf"[0-9A-Za-z%&#;\\=]*(?:{ESCAPE})[0-9A-Za-z%&#;\\=]*"
_STRETCHES = Stretches((WORD, *CODED, _ESCAPED))

Lists = Iterable[str] | Mapping[str, Iterable[str]]
_Place = tuple[int, int, str]


class Bans:
    """Finds the terms of lists, as whole words, whatever stands between the words of a phrase.

    Args:
        terms: the terms, or lists of them by the kind that their findings have.
        allow: phrases in which a term is meant otherwise: `Amazon` is banned, `Amazon rainforest`
            is not.
        case_sensitive: whether `Apple` leaves `apple` alone.
        whole_words: whether a term is found only between the edges of words. In scripts without
            spaces it is found anywhere.
        disguises: whether `b a d`, `ba-d`, `YmFk` and the same with accents are the term `bad`.
            With gaps and in base64 alone, only terms of three letters or more without signs are.

    >>> bans = Bans(terms={"competitor": ["Acme Corp"]}, allow=["acme corp road"])
    >>> bans.read(Text("ACME-corp is on Acme Corp Road")).findings
    (Finding(start=0, end=9, kind='competitor', score=1.0),)
    """

    name = "bans"
    scale = "risk"
    is_learned = False

    def __init__(
        self,
        *,
        terms: Lists = (),
        allow: Iterable[str] = (),
        case_sensitive: bool = False,
        whole_words: bool = True,
        disguises: bool = True,
    ) -> None:
        if isinstance(terms, str) or isinstance(allow, str):
            raise ConfigError("a ban list is one text", fix="give a list of terms")
        lists = terms if isinstance(terms, Mapping) else {"banned": terms}
        named = [(term, kind) for kind, each in lists.items() for term in each]
        allowed = [(term, "") for term in allow]
        self.kinds = tuple(sorted({kind for _, kind in named}))
        self._is_cased = case_sensitive
        self._disguises = disguises
        self._banned = _Terms(named, is_cased=case_sensitive, whole_words=whole_words)
        self._allowed = _Terms(allowed, is_cased=case_sensitive, whole_words=whole_words)
        settings = [case_sensitive, whole_words, disguises]
        self.version = "2-" + digest([sorted(named), sorted(allowed), *settings])[:8]
        longest = max((len(term) for term, _ in named + allowed), default=0)
        self.lookback_chars = max(64, (1 + WIDEST if disguises else 2) * longest + 2 * WIDEST)

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """1 if a term is found; nothing where there is none to look for."""
        del about
        if self._banned.is_empty:
            return Reading(score=None, reason="there are no terms")
        found = self._banned_in(text)
        if self._disguises:
            for layer in text.layers:
                inner = Text(layer.text)
                for start, end, kind in self._banned_in(inner):
                    place = inner.raw_span(start, end)
                    if not layer.is_said(*place):
                        found.append((*layer.span(*place), kind))
        findings = []
        for start, end, kind in _apart(found):
            first, last = text.raw_span(start, end)
            findings.append(Finding(start=first, end=last, kind=kind))
        return Reading(score=1.0, findings=tuple(findings)) if findings else NOTHING

    def cut(self, text: Text, at: int) -> int:
        """The last place up to `at` that lies in nothing encoded, however long."""
        if not self._disguises:
            return at
        return given(text, _STRETCHES.cut(text.plain, seen(text, at)))

    def _banned_in(self, text: Text) -> list[_Place]:
        """What is banned in a text and not allowed, by its place in `plain`."""
        found = self._places(self._banned, text)
        if not found:
            return []
        allowed = self._places(self._allowed, text)
        kept = []
        at = 0
        for start, end, kind in found:
            while at < len(allowed) and allowed[at][1] < end:
                at += 1
            if at == len(allowed) or allowed[at][0] > start:
                kept.append((start, end, kind))
        return kept

    def _places(self, terms: _Terms, text: Text) -> list[_Place]:
        """Where terms stand, whichever way they are spelt."""
        view = text.plain if self._is_cased else text.folded
        found = [*terms.places(view)]
        if self._disguises and not terms.is_empty:
            bare = _bare(view)
            if bare != view:
                found += terms.places(bare)
            found += terms.gapped.places(bare)
            found += terms.coded(text.plain)
        return list(_apart(found))


def _apart(found: Iterable[_Place]) -> Iterator[_Place]:
    """Places sorted, none over another; of several at one place the longest."""
    end = 0
    for place in sorted(found, key=lambda place: (place[0], -place[1])):
        if place[0] >= end:
            end = place[1]
            yield place


class _Bare(dict[int, int]):
    """Latin letters without their accents and strokes, by code."""

    def __missing__(self, code: int) -> int:
        char = chr(code)
        found = _STROKES.get(char, char)
        if "\u00c0" <= char < "\u0250" or "\u1e00" <= char < "\u1f00":
            first, *marks = tuple(unicodedata.normalize("NFD", found))
            if all(unicodedata.combining(mark) for mark in marks):
                found = first
        self[code] = ord(found)
        return ord(found)


_STROKES = dict(
    zip(
        "\u00f8\u00d8\u0142\u0141\u0111\u0110\u0127\u0126\u0167\u0166\u0268\u0197",
        "oOlLdDhHtTiI",
        strict=True,
    )
)
_BARE = _Bare()


def _bare(view: str) -> str:
    """The same number of characters, without accents."""
    return view if view.isascii() else view.translate(_BARE)


class _Terms:
    """Terms by their first word; those without words that can be told apart in one pattern."""

    def __init__(
        self, named: Iterable[tuple[str, str]], *, is_cased: bool, whole_words: bool
    ) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
        anywhere: dict[str, str] = {}
        letters: dict[str, Term] = {}
        self._codes: dict[str, str] = {}
        for term, kind in named:
            plain = normal(term).text.strip()
            spelt = plain if is_cased else Text(plain).folded
            words = tuple(_WORD.findall(spelt))
            has_signs = _SIGN.search(spelt) is not None
            if not spelt:
                raise ConfigError(f"a term of {kind or 'the exceptions'} is empty")
            if not whole_words or not words or _UNSPACED.search(spelt):
                anywhere.setdefault(spelt, kind)
            else:
                # A term with signs (`C++`) is found only with them.
                literal = spelt if has_signs else ""
                self._by_first.setdefault(words[0], []).append((words, literal, kind))
            if not has_signs and not _UNSPACED.search(spelt):
                _add_letters(letters, words, kind, is_whole=whole_words)
                self._codes |= dict.fromkeys(_codes(plain, is_cased=is_cased), kind)
        for each in self._by_first.values():
            each.sort(key=lambda term: -len(term[0]))
        self._anywhere = anywhere
        self._pattern = any_of(anywhere)
        self.gapped = Gapped(letters)

    @property
    def is_empty(self) -> bool:
        return not self._by_first and not self._anywhere

    def places(self, view: str) -> Iterator[_Place]:
        """Where the terms are as they are spelt; of several at one place the longest."""
        return _apart([*self._whole(view), *self._inside(view)])

    def coded(self, plain: str) -> Iterator[_Place]:
        """Where short terms stand in base64, which is too short to be told from a word."""
        if self._codes and not self._codes.keys().isdisjoint(_WORD.findall(plain)):
            for found in _WORD.finditer(plain):
                if (kind := self._codes.get(found.group())) is not None:
                    yield *found.span(), kind

    def _inside(self, view: str) -> Iterator[_Place]:
        if self._pattern is not None:
            for found in self._pattern.finditer(view):
                yield found.start(), found.end(), self._anywhere[found.group()]

    def _whole(self, view: str) -> Iterator[_Place]:
        if not self._by_first:
            return
        words = _WORD.findall(view)
        firsts = self._by_first.keys()
        if firsts.isdisjoint(words):
            return
        spans = [found.span() for found in _WORD.finditer(view)]
        for at, word in enumerate(words):
            for terms, literal, kind in self._by_first.get(word, ()):
                last = at + len(terms)
                if tuple(words[at:last]) != terms:
                    continue
                start, end = spans[at][0], spans[last - 1][1]
                if literal:
                    start -= literal.index(terms[0])
                    end = start + len(literal)
                    if start < 0 or view[start:end] != literal:
                        continue
                yield start, end, kind
                break


def _add_letters(
    letters: dict[str, Term], words: tuple[str, ...], kind: str, *, is_whole: bool
) -> None:
    """Have a term looked for with gaps in it, unless it is too short or a number."""
    bare = [_bare(word) for word in words]
    whole = "".join(bare)
    if len(whole) >= LEAST_LETTERS and not whole.isdecimal():
        breaks = frozenset(len("".join(bare[:count])) for count in range(1, len(bare)))
        letters.setdefault(whole, Term(kind, breaks, is_whole))


def _codes(term: str, *, is_cased: bool) -> Iterator[str]:
    """A short term in base64, in the cases that it is likely to be written in."""
    if LEAST_LETTERS <= len(term) <= _LONGEST_CODE and term.isascii():
        for each in {term} if is_cased else {term, term.lower(), term.upper(), term.title()}:
            yield base64.b64encode(each.encode()).decode().rstrip("=")
