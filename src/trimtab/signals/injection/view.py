"""A text as an attack means it to be read: lower case, letters written as digits and signs undone.

`1gn0re  @ll` becomes `ignore all`. Whole-array arithmetic over code points: linear, without a loop.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

_HIGHEST = 0x3001
_SPACE, _LETTER, _DIGIT, _SIGN, _BEFORE = 1, 2, 3, 4, 5
_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"}
_SIGNS = {"@": "a", "$": "s", "\u20ac": "e", "\u00a3": "l"}
_SIGNS_BEFORE = {"!": "i", "|": "i", "\u00a1": "i"}


class View:
    """What rules and n-grams read.

    Args:
        points: (n,) code points, runs of white space as one space, digits that are none as letters
            and the others as `0`; of ASCII in a byte each.
        places: (n,) for each, its place in the folded text.
        word: (n,) whether it is part of a word.
    """

    def __init__(self, points: Points, places: Places, word: npt.NDArray[np.bool_]) -> None:
        self.points = points
        self.places = places
        self.word = word

    @cached_property
    def text(self) -> str:
        """The same as a string, character for character."""
        data = self.points.tobytes()
        if self.points.itemsize == 1:
            return data.decode("ascii")
        return data.decode("utf-32-le", "surrogatepass")

    def __len__(self) -> int:
        return len(self.points)


def view(folded: str) -> View:
    """The view of a folded text."""
    points, kinds = _ascii(folded) if folded.isascii() else _any(folded)
    space = kinds == _SPACE
    if space[:1].any() or (space[1:] & space[:-1]).any():
        keep = ~space
        keep[1:] |= ~space[:-1]
        places = np.flatnonzero(keep)
        points, kinds = points[places], kinds[places]
    else:
        places = np.arange(len(points))
    letter = kinds == _LETTER
    if len(points) and not letter.all():
        points, letter = _without_leet(points, kinds, letter)
    return View(points, places, letter | (kinds == _DIGIT))


def _ascii(folded: str) -> tuple[Points, npt.NDArray[np.uint8]]:
    """Code points and their kinds: tables over bytes are an eighth of the work."""
    data = folded.encode("ascii")
    spaced, kinds = _of_bytes()
    return (
        np.frombuffer(data.translate(spaced), dtype=np.uint8),
        np.frombuffer(data.translate(kinds), dtype=np.uint8),
    )


def _any(folded: str) -> tuple[Points, npt.NDArray[np.uint8]]:
    points = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = _kinds()[np.minimum(points, _HIGHEST)]
    return np.where(kinds == _SPACE, np.uint32(32), points), kinds


def runs(inside: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """Where runs of true begin and end."""
    padded = np.zeros(len(inside) + 2, bool)
    padded[1:-1] = inside
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return edges[::2], edges[1::2]


def _without_leet(
    points: Points, kinds: npt.NDArray[np.uint8], letter: npt.NDArray[np.bool_]
) -> tuple[Points, npt.NDArray[np.bool_]]:
    """In a run of letters, digits and signs that has a letter, what stands for letters is one."""
    digit = kinds == _DIGIT
    inside = letter | digit
    before = kinds == _BEFORE
    before[:-1] &= letter[1:] | digit[1:]
    before[-1] = False
    odd = digit | (kinds == _SIGN) | before
    if not odd.any():
        return points, letter
    inside |= odd
    letters = np.concatenate([np.zeros(1, np.int64), np.cumsum(letter)])
    begin, end = runs(inside)
    spelled = np.zeros(len(points), bool)
    spelled[inside] = np.repeat(letters[end] > letters[begin], end - begin)
    spelled &= odd
    meant = np.where(digit, points.dtype.type(48), points)
    table = _meant(points.itemsize)
    meant = np.where(spelled, table[np.minimum(points, len(table) - 1)], meant)
    return meant, letter | spelled


@lru_cache(maxsize=1)
def _kinds() -> npt.NDArray[np.uint8]:
    table = np.zeros(_HIGHEST + 1, np.uint8)
    for point in range(_HIGHEST + 1):
        char = chr(point)
        if char.isspace() or point < 32:
            table[point] = _SPACE
        elif char.isdigit():
            table[point] = _DIGIT
        elif char.isalnum() or char == "'":
            table[point] = _LETTER
        elif char in _SIGNS:
            table[point] = _SIGN
        elif char in _SIGNS_BEFORE:
            table[point] = _BEFORE
    table[_HIGHEST] = _LETTER
    return table


@lru_cache(maxsize=1)
def _of_bytes() -> tuple[bytes, bytes]:
    """For each byte: itself or a space, and its kind."""
    kinds = _kinds()[:256]
    own = np.arange(256, dtype=np.uint8)
    return np.where(kinds == _SPACE, np.uint8(32), own).tobytes(), kinds.tobytes()


@lru_cache(maxsize=2)
def _meant(itemsize: int) -> Points:
    """What stands for letters, as those; for code points of one byte, or of four."""
    table = np.full(_HIGHEST + 1, 48, np.uint32)
    for odd, char in {**_LEET, **_SIGNS, **_SIGNS_BEFORE}.items():
        table[ord(odd)] = ord(char)
    return table if itemsize > 1 else table[:128].astype(np.uint8)
