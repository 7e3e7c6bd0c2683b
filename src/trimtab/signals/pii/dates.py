"""Dates of birth: a date where the words around it speak of birth."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from trimtab.signals.pii.near import near
from trimtab.signals.pii.view import GATES, Hit, View, Words

NAMES = ("date_of_birth",)

_BORN = Words(
    """dob born birth birthday birthdate d.o.b bday geboren geb geburtsdatum geburtstag
    naissance née né nacimiento nacido nacida nascita nato nata nascimento geboortedatum
    födelsedatum birthed рождения родился родилась doğum doğdu doğumlu
    出生于 出生 生于 생년월일 生年月日 出生日期 生日""",
    gates=GATES,
)
_MONTH = (
    r"(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|mar(?:ch|zo)?|märz|apr(?:il)?|may|mai|mayo|june?|juni"
    r"|july?|juli|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
    r"|février|avril|juin|juillet|août|décembre|enero|febrero|abril|junio|julio|agosto|septiembre"
    r"|octubre|noviembre|diciembre)\.?"
)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    rf"(?<![\w./\-])(?:{_DAY}([./\- ])(?:0?[1-9]|1[0-2])\1(?:(?:18|19|20)[0-9]{{2}}|[0-9]{{2}})"
    rf"|(?:0?[1-9]|1[0-2])([./\-]){_DAY}\2(?:(?:18|19|20)[0-9]{{2}}|[0-9]{{2}})"
    rf"|(?:18|19|20)[0-9]{{2}}([./\-])(?:0?[1-9]|1[0-2])\3{_DAY}"
    rf"|{_DAY}(?:st|nd|rd|th|\.|er)? (?:of |de )?{_MONTH},? (?:de )?"
    r"(?:(?:18|19|20)[0-9]{2}|'[0-9]{2})"
    rf"|{_MONTH} {_DAY}(?:st|nd|rd|th)?,? (?:18|19|20)[0-9]{{2}}"
    r")(?!\w|[./\-][0-9])"
    r"|(?<![0-9])(?:18|19|20)[0-9]{2} ?[年년] ?[0-9]{1,2} ?[月월] ?[0-9]{1,2} ?[日일]",
    re.IGNORECASE,
)
_LIKE_DATE = re2.compile(
    r"[0-9][./\- ][0-9]{1,2}[./\- ][0-9]|[0-9](?:st|nd|rd|th|\.|er)? (?:of |de )?\pL{3}"
    r"|\pL{3}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]|[0-9] ?[年년]"
)
"""What every date has: RE2 says in a moment where one may be."""

_LONGEST = 64


def find(view: View) -> Iterator[Hit]:
    """Dates within reach of a word of birth; without one, dates are nobody's."""
    if not view.mentions(_BORN):
        return
    for first, last in near(_LIKE_DATE, view.plain, _LONGEST):
        for match in _DATE.finditer(view.plain, first, last):
            if view.around(match.start(), match.end()).says(_BORN):
                yield Hit(match.start(), match.end(), "date_of_birth", 0.85)
