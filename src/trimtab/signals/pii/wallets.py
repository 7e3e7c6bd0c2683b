"""Addresses of crypto-currencies, by their check sums where they carry one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

import re2

from trimtab.signals.pii.kind import standard
from trimtab.signals.pii.near import near
from trimtab.signals.pii.view import Hit, View

NAMES = ("crypto",)

_LIKE_ADDRESS = re2.compile(
    r"[13LMDXT][1-9A-HJ-NP-Za-km-z]{25,34}|(?i:bc1|ltc1)[02-9ac-hj-np-z]{11}|0x[0-9a-fA-F]{40}"
)
_ADDRESS = re.compile(
    r"(?<!\w)(?:(?P<base58>[13LMDXT][1-9A-HJ-NP-Za-km-z]{25,34})"
    r"|(?P<bech32>(?i:bc1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,71})|(?P<hex>0x[0-9a-fA-F]{40}))(?!\w)"
)
_LONGEST = 96
_PLACES = {
    char: place
    for place, char in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}


def find(view: View) -> Iterator[Hit]:
    """Bitcoin, its kin with Base58Check, and Ethereum's."""
    for first, last in near(_LIKE_ADDRESS, view.plain, _LONGEST):
        for match in _ADDRESS.finditer(view.plain, first, last):
            if match["hex"]:
                yield Hit(match.start(), match.end(), "crypto", 0.85)
            elif (match["base58"] and is_base58check(match[0])) or (
                match["bech32"] and standard("bitcoin")(match[0])
            ):
                yield Hit(match.start(), match.end(), "crypto", 0.95)


def is_base58check(text: str) -> bool:
    """Whether an address of 25 bytes ends with the first four of its double SHA-256.

    >>> is_base58check("1BoatSLRHtKNngkdXEeobR76b53LETtpyT")
    True
    """
    number = 0
    for char in text:
        number = number * 58 + _PLACES[char]
    if number >> 200:
        return False
    data = number.to_bytes(25, "big")
    return sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]
