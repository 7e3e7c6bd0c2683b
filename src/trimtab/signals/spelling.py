"""How characters are spelt plainly: by NFKC (UAX 15), without those that nobody sees."""

from __future__ import annotations

import unicodedata
from functools import cache
from threading import Lock

import numpy as np
import numpy.typing as npt

from trimtab.signals import characters

Codes = npt.NDArray[np.uint32]
_ITSELF = 255
_INVISIBLE = {"Cf", "Cc", "Cs", "Co", "Cn"}


class Spelling:
    """How characters are spelt, worked out when one is first met. Safe to use by many threads.

    A number for each character there is: no text makes it forget, or grow.
    """

    def __init__(self) -> None:
        self._sizes = np.zeros(0x110000, dtype=np.uint8)  # 1 more than so many; 0 before it was met
        self._first = np.zeros(0x110000, dtype=np.uint32)  # where its spelling begins among all
        self._all = np.zeros(0x110000, dtype=np.uint32)
        self._end = 0
        self._learning = Lock()

    def sizes(self, codes: Codes) -> npt.NDArray[np.uint8] | None:
        """Of some characters, how many each is spelt with; None where each is spelt as itself."""
        found = self._sizes.take(codes)
        if not found.all():
            self._learn(np.unique(codes[found == 0]))
            found = self._sizes.take(codes)
        is_plain = found == _ITSELF
        if is_plain.all():
            return None
        found[is_plain] = 2
        found -= 1
        return found

    def spelt(self, codes: Codes, sizes: npt.NDArray[np.uint8]) -> Codes:
        """The characters that they are spelt with."""
        ends = np.cumsum(sizes, dtype=np.int64)
        nth = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
        is_plain = self._sizes.take(codes) == _ITSELF
        made = self._all.take(np.repeat(self._first.take(codes), sizes) + nth)
        return np.where(np.repeat(is_plain, sizes), np.repeat(codes, sizes), made)

    def _learn(self, codes: Codes) -> None:
        every = list(map(chr, codes.tolist()))
        sizes = np.frombuffer(bytes(map(_size, every)), dtype=np.uint8)
        self._sizes[codes[sizes > 0]] = sizes[sizes > 0]
        with self._learning:
            for code in codes[sizes == 0].tolist():
                if self._sizes[code]:
                    continue  # another thread was quicker
                plain = _spell(chr(code))
                if plain == chr(code):
                    self._sizes[code] = _ITSELF
                    continue
                end = self._end + len(plain)
                self._all[self._end : end] = list(map(ord, plain))
                self._first[code], self._end = self._end, end
                self._sizes[code] = len(plain) + 1


@cache
def spelling() -> Spelling:
    """What is known so far, by all of the process."""
    return Spelling()


def _size(char: str) -> int:
    """What most characters are, in a moment: themselves, or nothing; 0 where that is not sure."""
    kind = unicodedata.category(char)
    if kind in {"Cn", "Co"}:
        return 1
    if kind in _SEEN and not unicodedata.decomposition(char):
        return 0 if char in _OWN or _HIDDEN.match(char) else _ITSELF
    return 0


_SEEN = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mc", "Nl", "No", "Sm", "So", "Sc", "Sk", "Po"}


def _spell(char: str) -> str:
    if (known := _OWN.get(char)) is not None:
        return known
    kind = unicodedata.category(char)
    if char in "\t\n\r" or char in characters.SEEN_FORMATS:
        return char
    if kind in _SPACES:
        return _SPACES[kind]
    if (
        kind in _INVISIBLE
        or (kind in {"Mn", "Me"} and char > "\uffff")
        or _HIDDEN.match(char) is not None
    ):
        return ""
    if kind == "Nd":
        return str(unicodedata.digit(char))
    return "".join(_OWN.get(each, each) for each in unicodedata.normalize("NFKC", char))


_SPACES = {"Zs": " ", "Zl": "\n", "Zp": "\n"}
_HIDDEN = characters.one_of(characters.ZERO_WIDTH + characters.SELECTORS)


def _letters(first: int, letters: str) -> dict[str, str]:
    return {chr(first + at): letter for at, letter in enumerate(letters)}


HIDDEN_BY_TAGS = {0xE0000 + code: chr(code) if 0x20 <= code < 0x7F else "" for code in range(0x80)}
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OWN = {
    **dict.fromkeys("\x0b\x0c\x85", "\n"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u02b9", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212", "-"),
    **dict.fromkeys("\u2044\u2215", "/"),
    "\u2800": " ",
    "\ufdfa": "\ufdfa",
    **{chr(tag): letter for tag, letter in HIDDEN_BY_TAGS.items()},
    **_letters(0x249C, _UPPER.lower()),
    **_letters(0x1F110, _UPPER),
    **_letters(0x1F150, _UPPER),
    **_letters(0x1F170, _UPPER),
    **_letters(0x1F1E6, _UPPER),
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True)),
}
"""What NFKC leaves: line ends, quotes, dashes, letters in boxes, circles and flags, small capitals;
and the one character (U+FDFA) that it would make eighteen of."""
