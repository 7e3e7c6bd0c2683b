"""Keys told letter by letter or backwards, which whoever asked for them puts together again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import re2

from trimtab.signals.secrets.keys import Key, keys

_SIGN = "[0-9A-Za-z_+/=-]"
_BETWEEN = r"(?:\", ?\"|', ?'|, |[ \n\t,.|])"
SPELT = rf"(?:{_SIGN}{_BETWEEN}){{16,}}{_SIGN}?"
"""Single characters with something between them, of any number."""

_SPELT = re.compile(
    rf"{_SIGN}(?P<sign>{_BETWEEN})(?:{_SIGN}(?P=sign)){{15,4000}}{_SIGN}(?!{_SIGN})"
)
_MIRRORED = (
    r"[0-9A-Za-z_-]{16}(?:-ks|A[IS][KS]A|_[a-z]hg|_tap_buhtig|ySazIA|-[a-z]xox|_evil_ks"
    r"|_ksg|_fh|-taplg|_[a-z]mpn)\b"
)
_WORD = re.compile(r"[0-9A-Za-z_-]+\Z")
_LONGEST = 400
_MOST = 24


def spelt(plain: str) -> Iterator[Key]:
    """The keys of a text that only show when it is put together, by the places they are told at.

    >>> told = " ".join("AKIA" + "Z7QK3NPLW5RTXYBC")
    >>> [one.kind for one in spelt(told)], [one.kind for one in spelt("CBYXTR5WLPN3KQ7Z" + "AIKA")]
    (['aws_access_key_id'], ['aws_access_key_id'])
    """
    if _may_be_spelt().search(plain) is not None:
        for found in islice(_SPELT.finditer(plain), _MOST):
            step = 1 + len(found["sign"])
            for key in _keys(found[0][::step]):
                start = found.start() + key.start * step
                yield key._replace(start=start, end=start + (key.end - key.start - 1) * step + 1)
    for found in islice(_mirrored().finditer(plain), _MOST):
        begun = _WORD.search(plain, max(0, found.start() - _LONGEST), found.start())
        told = plain[begun.start() if begun else found.start() : found.end()]
        for key in _keys(told[::-1]):
            yield key._replace(start=found.end() - key.end, end=found.end() - key.start)


def _keys(joined: str) -> Iterator[Key]:
    return keys(joined, joined.encode("ascii", "replace"))


@cache
def _may_be_spelt() -> Any:
    return re2.compile(rf"(?:{_SIGN}{_BETWEEN}){{16}}")


@cache
def _mirrored() -> Any:
    return re2.compile(_MIRRORED)
