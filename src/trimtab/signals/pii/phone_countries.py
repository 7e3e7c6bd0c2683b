"""Telephone numbers by their countries, of which `phonenumbers` knows the codes and lengths."""

from __future__ import annotations

from functools import cache


def national(digits: str) -> tuple[frozenset[int], int, int]:
    """How many digits numbers of the country have that some begin with; how many there are behind
    its code; and how many of those are zeros before all others, which count or do not."""
    digits = digits.lstrip("0")
    code, lengths = _country(digits[:3])
    rest = digits[code:]
    return lengths, len(rest), len(rest) - len(rest.lstrip("0"))


@cache
def _country(head: str) -> tuple[int, frozenset[int]]:
    """How long a country's code is that three digits begin with, and its numbers after it."""
    for size in (1, 2, 3):
        if lengths := _lengths(head[:size]):
            return size, lengths
    return 0, frozenset()


@cache
def _lengths(code: str) -> frozenset[int]:
    """How many digits a country's numbers have, after its code; empty of no country."""
    import phonenumbers

    country = int(code or 0)
    if country not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return frozenset()
    made = (
        (size, phonenumbers.PhoneNumber(country_code=country, national_number=int("2" * size)))
        for size in range(4, 15)
    )
    return frozenset(size for size, number in made if phonenumbers.is_possible_number(number))


def is_of(regions: tuple[str, ...], found: str) -> bool:
    """Whether a number is a valid one of any of these regions."""
    if not regions:
        return False
    import phonenumbers

    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(found, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
