"""Numbers of things that belong to people: telephones and vehicles."""

from __future__ import annotations

from trimtab.signals.pii.cards import is_luhn
from trimtab.signals.pii.kind import Kind

_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))


def is_imei(text: str) -> bool:
    """Fifteen digits, the last of them Luhn's check digit (3GPP TS 23.003)."""
    digits = "".join(filter(str.isdigit, text))
    return len(digits) == 15 and is_luhn(digits)


def is_vin(text: str) -> bool:
    """Whether the ninth character is the check digit of the others (49 CFR 565.15).

    >>> is_vin("1M8GDM9AXKP042788")
    True
    """
    text = text.upper()
    values = (int(_VALUES.get(char, char)) for char in text)
    rest = sum(value * weight for value, weight in zip(values, _WEIGHTS, strict=True)) % 11
    return text[8] == "0123456789X"[rest]


KINDS = (
    Kind(name="imei", pattern=r"[0-9]{15}|[0-9]{2}-[0-9]{6}-[0-9]{6}-[0-9]", check=is_imei,
         words="imei handset device phone", near=0.95),
    Kind(name="vehicle_vin",
         pattern=r"[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{2}[A-HJ-NPR-Z0-9]{3}[0-9]{3}",
         check=is_vin, words="vin vehicle chassis car fahrgestellnummer fin", bare=0.7, near=0.95,
         unchecked=0.6),
)  # fmt: skip
