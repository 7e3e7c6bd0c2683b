"""Bank accounts: IBAN (ISO 13616) and BIC (ISO 9362)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import re2

from trimtab.signals.pii.near import near
from trimtab.signals.pii.view import GATES, Hit, View, Words, lexicon

NAMES = ("iban_code", "swift_code")

_LENGTHS = {
    pair[:2]: int(pair[2:])
    for pair in lexicon(
        """AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27
    DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28
    IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22
    MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
    SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 BF28
    BJ28 CI28 CM27 CV25 DZ26 GA27 GQ27 GW25 IR26 KM27 MA28 MG27 ML28 MZ25 NE28 SN28 TD27 TG28
    CF27 CG27 AO25"""
    )
}
"""How long a country's IBANs are: SWIFT's registry, and states outside it that use them."""

_COUNTRIES = "|".join(sorted(_LENGTHS))
_REST = r"[0-9]{2}(?:[ .\-]?[A-Z0-9]{4}){2}"
_LIKE_IBAN = re2.compile(f"(?i)(?:{_COUNTRIES}){_REST}")
_IBAN_GATE = GATES.add(_LIKE_IBAN.pattern)
# From a class of characters on, which `re` looks for quickly where case counts.
_IBAN = re.compile(rf"[A-Za-z](?<![^\W_][A-Za-z])[A-Za-z](?=[0-9])(?i:(?<={_COUNTRIES}){_REST})")
_IBAN_WORDS = Words(
    "iban ibans bank account accounts konto kontonummer wire transfer sepa compte cuenta conto"
)
_SEPARATORS = re.compile(r"[ .\-]")
_LONGEST = 64
_SOLID = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}(?!\w)", re.IGNORECASE | re.ASCII)
_BIC = re.compile(r"(?<!\w)[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?!\w)")
_BIC_WORDS = Words("swift bic bics swiftcode", gates=GATES)


def find(view: View) -> Iterator[Hit]:
    """IBANs, whole or in groups; BICs where a word nearby says so."""
    if view.has(_IBAN_GATE):
        may_tell = any(word in view.folded for word in _IBAN_WORDS.all)
        for first, last in near(_LIKE_IBAN, view.plain, _LONGEST):
            for match in _IBAN.finditer(view.plain, first, last):
                yield from _iban(view, match.start(), may_tell=may_tell)
    if view.mentions(_BIC_WORDS):
        for match in _BIC.finditer(view.plain):
            is_told = view.around(match.start(), match.end()).says(_BIC_WORDS)
            if is_told and (match[1] in _LENGTHS or match[1] in _OTHERS):
                yield Hit(match.start(), match.end(), "swift_code", 0.85)


_OTHERS = lexicon("""US CA AU NZ JP CN HK SG IN ZA MX AR CL CO PE KR TH MY PH ID VN NG KE TW BM""")


def is_iban(text: str) -> bool:
    """Whether the length is the country's and the check digits are right (ISO 7064, MOD 97-10).

    >>> is_iban("GB82WEST12345698765432")
    True
    """
    if _LENGTHS.get(text[:2]) != len(text):
        return False
    return _remainder(text) == 1


def _remainder(text: str) -> int:
    turned = text[4:] + text[:4]
    return int("".join(map(_NUMERALS.__getitem__, turned))) % 97


_NUMERALS = {char: str(int(char, 36)) for char in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _iban(view: View, start: int, *, may_tell: bool) -> Iterator[Hit]:
    code, end = _walked(view.plain, start)
    if code is not None:
        is_told = may_tell and view.around(start, end).says(_IBAN_WORDS)
        if is_iban(code):
            yield Hit(start, end, "iban_code", 0.98 if is_told else 0.95)
            return
        if is_told:
            yield Hit(start, end, "iban_code", 0.5)
    if code is None or _SOLID.fullmatch(view.plain, start, end) is None:
        yield from _unlisted(view, start, may_tell=may_tell)


def _walked(text: str, start: int) -> tuple[str | None, int]:
    """As many letters and digits as the country's IBANs have; and where they end."""
    size = _LENGTHS[text[start : start + 2].upper()]
    solid = text[start : start + size]
    if len(solid) == size and solid.isascii() and solid.isalnum():
        is_whole = not text[start + size : start + size + 1].isalnum()
        return (solid.upper(), start + size) if is_whole else (None, start)
    found = _of_length(size).match(text, start)
    if found is None or text[found.end() : found.end() + 1].isalnum():
        return None, start
    return _SEPARATORS.sub("", found[0]).upper(), found.end()


@cache
def _of_length(size: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[A-Za-z0-9][ .\-]?){{{size - 1}}}[A-Za-z0-9]")


def _unlisted(view: View, start: int, *, may_tell: bool) -> Iterator[Hit]:
    """One whose check digits are right, though its country's are longer or shorter."""
    found = _SOLID.match(view.plain, start)
    if found and _remainder(found[0].upper()) == 1:
        is_told = may_tell and view.around(start, found.end()).says(_IBAN_WORDS)
        yield Hit(start, found.end(), "iban_code", 0.8 if is_told else 0.4)
