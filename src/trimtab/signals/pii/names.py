"""Names of people and places, by the words before them and by short lists: a hint, no more.

Without a model of the language most names are out of reach, and a name found here may be another
word: the scores say so. A recogniser that knows better goes into the slot of `Pii`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from trimtab.signals.pii.gazetteer import given_names, places
from trimtab.signals.pii.view import GATES, Hit, View, lexicon

NAMES = ("person", "location")

_NAME = r"[A-ZÀ-ÞŁŠŽČĆ][\w'\u2019\-]{0,24}"
_PARTICLE = r"(?:(?:van|von|de|der|den|del|della|da|di|dos|bin|al|el|la|le|ten|ter|zu) ){0,2}"
_FULL = rf"{_NAME}(?: (?:[A-Z]\.? )?{_PARTICLE}{_NAME}){{0,2}}"
_CUE_GATE = GATES.add(
    r"(?i)\b(?:mr|mrs|ms|miss|dr|prof|sir|herr|frau|monsieur|madame|señor|señora|dear|hi|hello|regards"
    r"|sincerely|cheers|name is|name's|call me|named|called|name:|signed|thanks)\b"
)
_TITLED = re.compile(
    rf"(?<!\w)(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Herr|Frau|Monsieur|Madame|Mme|Señora?|Sr|Sra)\.? "
    rf"(?P<name>{_FULL})"
)
_CUED = re.compile(
    r"(?<!\w)(?i:my name is|my name's|name is|call me|i am called|named|name:|signed,?"
    r"|customer:|patient:)\s{1,2}"
    rf"(?P<name>{_FULL})"
)
_GREETED = re.compile(
    rf"(?:^|[\n.!?] ?)(?i:dear|hi|hello|hey)[ ](?P<name>{_FULL})(?=[,!.:\n]|$)"
    rf"|(?i:regards|sincerely|cheers|wishes|thanks|truly),?\s{{1,3}}(?P<signed>{_FULL})\s*(?:$|\n)"
)
_LIKE_CUE = re2.compile(
    r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Herr|Frau|Monsieur|Madame|Mme|Señora?|Sra?)\.? [A-ZÀ-ÞŁŠŽČĆ]"
    r"|(?i:name is|name's|call me|i am called|named|name:|signed,?|customer:|patient:)\s{1,2}"
    r"[A-ZÀ-ÞŁŠŽČĆ]|(?i:dear|hi|hello|hey) [A-ZÀ-ÞŁŠŽČĆ]"
    r"|(?i:regards|sincerely|cheers|wishes|thanks|truly),?\s{1,3}[A-ZÀ-ÞŁŠŽČĆ]"
)
"""What every name with a word before it has: RE2 says in a moment where one may be."""

_LEAD, _REST = 4, 200
_MOST_CUES = 1_000

# From a class of characters on, so that `re` skips what is none of them.
_CAPITALISED = re.compile(
    r"[A-ZÀ-ÞŁŠŽČĆ](?<![\w@./][A-ZÀ-ÞŁŠŽČĆ])"
    r"[\w'\u2019\-]{1,24}(?: (?:of |de )?[A-ZÀ-Þ][\w'\u2019\-]{1,24})*"
)
_WORD = re.compile(r"\S+")
_NO_NAMES = lexicon(
    """the a an all everyone team sir madam there customer support friend friends hiring manager
    i it this that we you he she they my your our their not no yes"""
)


def find(view: View) -> Iterator[Hit]:
    """Names of people, countries and towns."""
    if view.has(_CUE_GATE):
        for first, last in near_cues(view.plain):
            yield from cued(view.plain, first, last)
    people, towns = given_names(), places()
    for match in _CAPITALISED.finditer(view.plain):
        words = match[0].lower().split()
        if not people.isdisjoint(words):
            yield from _listed(match, [word in people for word in words])
        if not towns.keys().isdisjoint(words):
            yield from _placed(match, words, towns)


def near_cues(plain: str) -> Iterator[tuple[int, int]]:
    """What stands around the cues, those together that are near each other."""
    first = last = -1
    for number, found in enumerate(_LIKE_CUE.finditer(plain)):
        start, end = max(0, found.start() - _LEAD), min(len(plain), found.end() + _REST)
        if first < 0:
            first = start
        elif start > last:
            yield first, last
            first = start
        last = end
        if number == _MOST_CUES:
            last = len(plain)
            break
    if first >= 0:
        yield first, last


def cued(plain: str, first: int, last: int) -> Iterator[Hit]:
    """The names that words before them announce, in a part of a text."""
    for pattern, score in ((_TITLED, 0.5), (_CUED, 0.5), (_GREETED, 0.45)):
        for match in pattern.finditer(plain, first, last):
            group = "name" if match["name"] else "signed"
            is_cut = match.end() == last < len(plain)
            if not is_cut and match[group].split()[0].lower() not in _NO_NAMES:
                yield Hit(match.start(group), match.end(group), "person", score)


def _listed(match: re.Match[str], given: list[bool]) -> Iterator[Hit]:
    """From a given name to the end of what is capitalised: three words at most."""
    words = list(_WORD.finditer(match[0]))
    for place, is_given in enumerate(given):
        if not is_given or (place and given[place - 1]):
            continue
        last = place
        while last + 1 < min(place + 3, len(words)) and (given[last] or not given[last + 1]):
            last += 1
        score = 0.45 if last > place else 0.35
        start, end = words[place].start(), words[last].end()
        yield Hit(match.start() + start, match.start() + end, "person", score)


def _placed(
    match: re.Match[str], words: list[str], towns: dict[str, tuple[tuple[str, ...], ...]]
) -> Iterator[Hit]:
    """The towns and countries among capitalised words, the longest first."""
    at = list(_WORD.finditer(match[0]))
    free = 0
    for first, word in enumerate(words):
        if first < free:
            continue
        for town in towns.get(word, ()):
            if tuple(words[first : first + len(town)]) == town:
                free = first + len(town)
                start, end = at[first].start(), at[free - 1].end()
                yield Hit(match.start() + start, match.start() + end, "location", 0.4)
                break
