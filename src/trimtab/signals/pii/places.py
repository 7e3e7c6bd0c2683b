"""Where people are: coordinates, and the streets of a few languages by form, at a low score."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from trimtab.signals.pii.near import near
from trimtab.signals.pii.view import GATES, Hit, View, Words

NAMES = ("coordinates", "address", "license_plate")

_COORDINATES_GATE = GATES.add(r"[0-9]\.[0-9]{3,}|[0-9] ?°")
_DECIMAL = re.compile(
    r"(?<![\w.\-+])[+\-]?(?:90(?:\.0{3,})?|[0-8]?[0-9]\.[0-9]{3,15})(?: ?° ?[NS]?)?\s?[,;/ ]\s?"
    r"[+\-]?(?:180(?:\.0{3,})?|(?:1[0-7]|[0-9])?[0-9]\.[0-9]{3,15})(?: ?° ?[EW]?)?(?![\w.]*[0-9])"
)
_ANGLE = (
    r" ?° ?[0-9]{1,2} ?['\u2032]"
    r"(?: ?[0-9]{1,2}(?:\.[0-9]+)? ?(?:\"|\u2033|''|\u2032\u2032))?"
)
_DEGREES = re.compile(rf"(?<!\w)[0-9]{{1,2}}{_ANGLE} ?[NS][,;]? ?[0-9]{{1,3}}{_ANGLE} ?[EWO](?!\w)")
_PAIR = re2.compile(
    r"(?:90|\.[0-9]{3,15})(?: ?° ?[NS]?)?\s?[,;/ ]\s?[+\-]?(?:180|[0-9]{1,3}\.[0-9]{3})"
    r"|[0-9] ?° ?[0-9]{1,2} ?['\x{2032}]"
)
"""What every pair of coordinates has: RE2 says in a moment where one may be."""

_LONGEST = 128

_STREET = (
    r"(?i:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|square|sq|terrace|way"
    r"|place|pl|crescent|close|parkway|pkwy|highway|hwy)"
)
_HOUSE_GATE = GATES.add(r"[0-9][a-zA-Z]? (?:[NSEW]\.? )?[0-9A-ZÀ-Þ]")
_ENGLISH_GATE = GATES.add(r"(?i)[a-z.] (?:" + _STREET[4:-1] + r")\b")
_STREET_GATE = GATES.add(
    r"(?i:stra(?:ß|ss)e|str\.|weg|platz|gasse) [0-9]"
    r"|\b(?i:rue|calle|via|avenida|rua|piazza|plaza) (?:[a-z]{1,5} )*[A-ZÀ-Þ]|(?i:box) [0-9]"
)
_PLATE_WORDS = Words(
    """plate plates registration reg kennzeichen matrícula targa immatriculation numberplate""",
    gates=GATES,
)
_PLATE = re.compile(
    r"(?<![\w.\-/])(?:[A-Z]{2}[0-9]{2} ?[A-Z]{3}|[A-Z]{1,3}[ \-]?[0-9]{2,4}[ \-]?[A-Z]{0,3}"
    r"|[0-9]{1,4}[ \-]?[A-Z]{2,3}[ \-]?[0-9]{0,3}|[A-ZÄÖÜ]{1,3}[ \-][A-Z]{1,2} ?[0-9]{1,4})"
    r"(?![\w\-])"
)
_ADDRESS = re.compile(
    r"(?<![\w.,$€£])[0-9]{1,5}[a-zA-Z]?(?:-[0-9]{1,4})? (?:[NSEW]\.? )?"
    r"(?:[0-9A-ZÀ-Þ][\w.'\-]{0,20} ){1,4}"
    + _STREET
    + r"\b(?:,? (?i:apt|apartment|suite|unit|flat|#)\.? ?\w{1,5})?"
    r"|\b[A-ZÄÖÜ][\w\-]{2,30}(?:straße|strasse|str\.|weg|platz|gasse) [0-9]{1,4}[a-z]?\b"
    r"|\b(?:[0-9]{1,4},? )?(?i:rue|calle|via|avenida|rua|piazza|plaza) "
    r"(?:(?:de|del|della|du|des|la|le|do|da) ){0,2}"
    r"[A-ZÀ-Þ][\w'\-]{1,20}(?: [A-ZÀ-Þ][\w'\-]{1,20}){0,2}(?:,? [0-9]{1,4})?"
    r"|\b(?i:p\.? ?o\.? box) [0-9]{1,6}\b"
)


_LIKE_ADDRESS = re2.compile(
    r"[0-9][a-zA-Z]?(?:-[0-9]{1,4})? (?:[NSEW]\.? )?(?:[0-9A-ZÀ-Þ]\S{0,20} ){1,4}"
    + _STREET
    + r"|(?:straße|strasse|str\.|weg|platz|gasse) [0-9]"
    r"|(?i:rue|calle|via|avenida|rua|piazza|plaza) (?:(?:de|del|della|du|des|la|le|do|da) ){0,2}"
    r"[A-ZÀ-Þ]|(?i:box) [0-9]"
)


def find(view: View) -> Iterator[Hit]:
    """Everything of this family."""
    yield from coordinates(view)
    yield from addresses(view)
    if view.mentions(_PLATE_WORDS):
        for match in _PLATE.finditer(view.plain):
            if view.around(match.start(), match.end()).says(_PLATE_WORDS):
                yield Hit(match.start(), match.end(), "license_plate", 0.5)


def addresses(view: View) -> Iterator[Hit]:
    """A house in a street, in English, German and the Romance languages; a post office box."""
    english = view.has(_HOUSE_GATE) and view.has(_ENGLISH_GATE)
    if (english or view.has(_STREET_GATE)) and _LIKE_ADDRESS.search(view.plain) is not None:
        for match in _ADDRESS.finditer(view.plain):
            if any(char.isdigit() for char in match[0]):
                yield Hit(match.start(), match.end(), "address", 0.4)


def coordinates(view: View) -> Iterator[Hit]:
    """Latitude and longitude, in decimal degrees (three places or more) or in minutes."""
    if not view.has(_COORDINATES_GATE):
        return
    for first, last in near(_PAIR, view.plain, _LONGEST):
        for pattern in (_DECIMAL, _DEGREES):
            for match in pattern.finditer(view.plain, first, last):
                yield Hit(match.start(), match.end(), "coordinates", 0.7)
