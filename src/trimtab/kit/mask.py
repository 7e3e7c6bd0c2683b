"""Credentials out of sight: masked in bytes that arrive in pieces."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

# What a masked key is shown as: three times the first of these that no key contains.
_MASKS = b"*#~^"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class KeyMask:
    """Replaces keys in bytes that arrive in pieces, wherever the pieces are split.

    Everything else passes unchanged and at once: the end of a piece is kept back only where it is
    the beginning of a key. A key that JSON may escape is known in that spelling too.

    Args:
        *keys: what must not be seen; empty ones, or none, mask nothing.

    >>> mask = KeyMask(b"sk-12345678")
    >>> mask.feed(b"Bearer sk-123"), mask.feed(b"45678 is wrong: s"), mask.flush()
    (b'Bearer ', b'*** is wrong: ', b's')
    """

    __slots__ = ("_kept", "_keys")

    def __init__(self, *keys: bytes, like: KeyMask | None = None) -> None:
        self._keys = like.keys if like is not None else _spelt(keys)
        self._kept = b""

    @property
    def keys(self) -> Spelt | None:
        """What is looked for, made ready; None masks nothing."""
        return self._keys

    def fresh(self) -> KeyMask:
        """One for another body, without the work of making it."""
        return KeyMask(like=self)

    def feed(self, data: bytes) -> bytes:
        """What can be shown once these bytes have come; may be empty."""
        keys = self._keys
        if keys is None:
            return data
        if self._kept:
            data, self._kept = self._kept + data, b""
        before: list[bytes] = []
        if self.holds(data):
            *before, data = keys.pattern.split(data)
        if data and data[-1] in keys.ends and data.endswith(keys.starts):
            self._kept = next(start for start in keys.starts if data.endswith(start))
            data = data[: -len(self._kept)]
        return keys.mask.join([*before, data]) if before else data

    def flush(self) -> bytes:
        """What was kept back: nothing follows, so it is not a key."""
        kept, self._kept = self._kept, b""
        return kept

    def whole(self, data: bytes) -> bytes:
        """These bytes, with the keys masked, and nothing before or after them."""
        keys = self._keys
        if keys is None or not self.holds(data):
            return data
        return keys.pattern.sub(keys.mask, data)

    def holds(self, data: bytes) -> bool:
        """Whether there is a key in these bytes: a plain search, which is all that most need."""
        if self._keys is not None:
            for each in self._keys.spellings:
                if each in data:
                    return True
        return False


class Spelt(NamedTuple):
    """Keys as they may be spelt, the beginnings of them, and the last bytes of those."""

    pattern: re.Pattern[bytes]
    spellings: tuple[bytes, ...]
    starts: tuple[bytes, ...]
    ends: frozenset[int]
    mask: bytes


def _spelt(keys: tuple[bytes, ...]) -> Spelt | None:
    found = {spelt for key in keys if key for spelt in (key, key.replace(b"/", rb"\/"))}
    if not found:
        return None
    # Longest first: of two keys that begin alike, the whole longer one is masked.
    spellings = tuple(sorted(found, key=len, reverse=True))
    starts = {each[:n] for each in spellings for n in range(1, len(each))}
    # A mask of a byte that the keys lack cannot become part of another key.
    free = next((byte for byte in _MASKS if not any(byte in key for key in keys)), 0x7F)
    return Spelt(
        pattern=re.compile(b"|".join(map(re.escape, spellings))),
        spellings=spellings,
        starts=tuple(sorted(starts, key=len, reverse=True)),
        ends=frozenset(start[-1] for start in starts),
        mask=bytes([free]) * 3,
    )


def base64_of(key: bytes) -> set[bytes]:
    """What is seen of a key in base64, whatever stands around it, in both alphabets.

    Characters that also spell a neighbour are left out: at most two at either end.

    >>> sorted(base64_of(b"sk-1234"))
    [b'NrLTEyMz', b'c2stMTIzN', b'zay0xMjM0']
    """
    found = set()
    for before in range(3):
        bits = 8 * (before + len(key))
        spelt = base64.b64encode(bytes(before) + key)[-(-8 * before // 6) : bits // 6]
        found |= {spelt, spelt.translate(_URL_SAFE)}
    return found
