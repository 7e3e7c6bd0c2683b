"""Payment cards, found by their lengths, first digits and Luhn's check digit (ISO/IEC 7812-1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from trimtab.signals.pii.near import near
from trimtab.signals.pii.view import GATES, Hit, View, Words

NAMES = ("credit_card",)

_CARD = re.compile(
    r"(?<![\w])(?<![0-9][.\-/,])"
    r"(?:[0-9]{4}([ .\-])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{3})?"
    r"|[0-9]{4}([ .\-])[0-9]{6}\2[0-9]{4,5}|[0-9]{12,19})(?![\w])(?![.\-/,][0-9])"
)
_LIKE_CARD = re2.compile(
    r"(?:^|[^0-9A-Za-z_])(?:(?:[0-9]{4}[ .\-]){3}[0-9]|[0-9]{4}[ .\-][0-9]{6}[ .\-][0-9]{4}"
    r"|[0-9]{12})"
)
_GATE = GATES.add(_LIKE_CARD.pattern)
_LONGEST = 64
_PARTED = r"[ .\-_/*`~\n]{1,6}"
_LOOSE = re.compile(
    rf"[0-9](?<![\w.,][0-9])(?:[0-9]{{3}}{_PARTED}(?:(?:[0-9]{{4}}{_PARTED}){{2}}[0-9]{{3,4}}"
    rf"|[0-9]{{6}}{_PARTED}[0-9]{{4,5}})|(?:[ .\-_/\n][0-9]){{12,18}})(?![\w])(?![.,][0-9])"
)
"""With other signs between the groups, or between all digits, as nobody prints a number."""

_LIKE_LOOSE = re2.compile(
    rf"(?:^|[^0-9A-Za-z_.,])(?:[0-9]{{4}}{_PARTED}(?:(?:[0-9]{{4}}{_PARTED}){{2}}[0-9]{{3}}"
    rf"|[0-9]{{6}}{_PARTED}[0-9]{{4}})|(?:[0-9][ .\-_/\n]){{12}}[0-9])"
)
_LOOSE_GATE = GATES.add(_LIKE_LOOSE.pattern)
_CARD_WORDS = Words(
    """card cards cc visa mastercard amex american express discover maestro diners jcb credit debit
    payment charge charged billing kreditkarte karte carte tarjeta cartão carta bancomat pan cvv cvc
    expiry expires expiring atm"""
)
_OTHER_WORDS = Words(
    """order tracking invoice serial isbn reference ref ticket id imei shipment parcel barcode sku
    ean upc transaction account timestamp epoch"""
)
_BRANDS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|095|[689][0-9])[0-9]{11,16}"  # Diners Club
    r"|6(?:011|5[0-9]{2}|4[4-9][0-9]|22[0-9])[0-9]{12,15}"  # Discover
    r"|35[0-9]{14,17}|(?:2131|1800)[0-9]{11}"  # JCB
    r"|62[0-9]{14,17}|220[0-4][0-9]{12,15}|9792[0-9]{12}"  # UnionPay, Mir, Troy
    r"|(?:5018|502[0]|5038|5[6-8][0-9]{2}|6(?:304|7[0-9]{2}|390)|0604|5893)[0-9]{8,15}"  # Maestro
    r"|6(?:0|5|8[12])[0-9]{14}|508[0-9]{13}|(?:636|504|5067|4011)[0-9]{12,13}"  # RuPay, Elo
)


def find(view: View) -> Iterator[Hit]:
    """Card numbers, whole or in the groups they are printed in."""
    if view.has(_GATE):
        for first, last in near(_LIKE_CARD, view.plain, _LONGEST):
            for match in _CARD.finditer(view.plain, first, last):
                hit = _judged(view, match.start(), match[0])
                if hit is not None:
                    yield hit
    if view.has(_LOOSE_GATE):
        yield from _loose(view)


def _loose(view: View) -> Iterator[Hit]:
    """Numbers of a brand whose check digit is right: the form alone says nothing."""
    for first, last in near(_LIKE_LOOSE, view.plain, _LONGEST):
        for match in _LOOSE.finditer(view.plain, first, last):
            digits = "".join(filter(str.isdigit, match[0]))
            if _BRANDS.fullmatch(digits) and is_luhn(digits) and len(set(digits)) > 1:
                is_told = view.around(*match.span()).says(_CARD_WORDS)
                yield Hit(*match.span(), "credit_card", 0.9 if is_told else 0.7)


def is_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it.

    >>> is_luhn("79927398713")
    True
    """
    data = digits.encode()
    return (sum(data[-1::-2].translate(_VALUES)) + sum(data[-2::-2].translate(_DOUBLED))) % 10 == 0


_SEPARATORS = str.maketrans("", "", " .-")
_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes(sum(divmod(2 * digit, 10)) for digit in range(10)))


def _judged(view: View, start: int, found: str) -> Hit | None:
    digits = found if found.isdigit() else found.translate(_SEPARATORS)
    if len(digits) == 19 and len(found) > 19 and not is_luhn(digits):
        digits, found = digits[:16], found[:-4]  # the last group is the card's security code
    branded = _BRANDS.fullmatch(digits) is not None
    passes = is_luhn(digits)
    if (not branded and not passes) or len(set(digits)) < 2:
        return None
    around = view.around(start, start + len(found))
    is_told = around.says(_CARD_WORDS)
    if passes:
        score = _score(is_told=is_told, branded=branded, printed=len(found) > len(digits))
        if not is_told and not _OTHER_WORDS.whole.isdisjoint(around.before[:3]):
            score = min(score, 0.25)
    else:
        score = 0.5 if is_told else 0.0
    return Hit(start, start + len(found), "credit_card", score) if score else None


def _score(*, is_told: bool, branded: bool, printed: bool) -> float:
    if branded:
        return 0.98 if is_told else 0.9
    if is_told:
        return 0.7
    return 0.5 if printed else 0.0
