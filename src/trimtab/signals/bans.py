"""Ban lists: words and phrases of the user's own, in their thousands, in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import re2

from trimtab.errors import ConfigError
from trimtab.kit.hashing import digest
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.normal import normal
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_WORD = re.compile(r"\w+")
# Scripts that put no spaces between words: Thai to Khmer, kana, ideographs.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

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
    ) -> None:
        if isinstance(terms, str) or isinstance(allow, str):
            raise ConfigError("a ban list is one text", fix="give a list of terms")
        lists = terms if isinstance(terms, Mapping) else {"banned": terms}
        named = [(term, kind) for kind, each in lists.items() for term in each]
        allowed = [(term, "") for term in allow]
        self.kinds = tuple(sorted({kind for _, kind in named}))
        self._is_cased = case_sensitive
        self._banned = _Terms(named, is_cased=case_sensitive, whole_words=whole_words)
        self._allowed = _Terms(allowed, is_cased=case_sensitive, whole_words=whole_words)
        self.version = (
            "1-" + digest([sorted(named), sorted(allowed), case_sensitive, whole_words])[:8]
        )
        self.lookback_chars = max(
            64, 2 * max((len(term) for term, _ in named + allowed), default=0)
        )

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """1 if a term is found."""
        del about
        view = text.plain if self._is_cased else text.folded
        found = list(self._banned.places(view))
        if not found:
            return NOTHING
        allowed = [(start, end) for start, end, _ in self._allowed.places(view)]
        findings = []
        at = 0
        for start, end, kind in found:
            while at < len(allowed) and allowed[at][1] < end:
                at += 1
            if at < len(allowed) and allowed[at][0] <= start:
                continue
            first, last = text.raw_span(start, end)
            findings.append(Finding(start=first, end=last, kind=kind))
        return Reading(score=1.0, findings=tuple(findings)) if findings else NOTHING


class _Terms:
    """Terms by their first word; those without words that can be told apart in one pattern."""

    def __init__(
        self, named: Iterable[tuple[str, str]], *, is_cased: bool, whole_words: bool
    ) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
        anywhere: dict[str, str] = {}
        for term, kind in named:
            plain = normal(term).text.strip()
            spelt = plain if is_cased else Text(plain).folded
            words = tuple(_WORD.findall(spelt))
            if not spelt:
                raise ConfigError(f"a term of {kind or 'the exceptions'} is empty")
            if not whole_words or not words or _UNSPACED.search(spelt):
                anywhere.setdefault(spelt, kind)
            else:
                # A term with signs (`C++`) is found only with them.
                literal = spelt if re.search(r"[^\w\s]", spelt) else ""
                self._by_first.setdefault(words[0], []).append((words, literal, kind))
        for each in self._by_first.values():
            each.sort(key=lambda term: -len(term[0]))
        self._anywhere = anywhere
        self._pattern = _pattern(anywhere)

    def places(self, view: str) -> Iterator[_Place]:
        """Where the terms are, sorted; of several at one place the longest."""
        found = [*self._whole(view), *self._inside(view)]
        end = 0
        for place in sorted(found, key=lambda place: (place[0], -place[1])):
            if place[0] >= end:
                end = place[1]
                yield place

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


def _pattern(terms: Iterable[str]) -> re.Pattern[str] | None:
    each = "|".join(re2.escape(term) for term in sorted(terms, key=len, reverse=True))
    if not each:
        return None
    options = re2.Options()
    options.max_mem = 256 << 20
    options.log_errors = False
    found: re.Pattern[str] = re2.compile(each, options)
    return found
