"""Look-alikes: letters of other scripts that pass for Latin ones, told from real foreign words.

A word is judged by its letters and by the words beside it: `paypal` spelt with Cyrillic letters is
read as `paypal` in an English sentence, while a Russian or Greek text keeps every letter. The table
is our own, of letters that the usual fonts draw alike; what Unicode calls compatible (full width,
mathematical, enclosed) is undone elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

_SAME = {
    # Cyrillic
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u04cf\u043e\u0440\u051b": "acdehijlopq",
    "\u0455\u051d\u0445": "swx",
    "\u0443\u04af\u0475": "yyv",
    "\u0410\u0412\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u051a": "ABEHIJKMOPQ",
    "\u0405\u0422\u051c": "STW",
    "\u0425\u04ae\u0474\u050c\u04c0\u0421": "XYVGIC",
    # Greek
    "\u03bf\u03bd\u03f3": "ovj",
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1": "ABEZHIKMNOP",
    "\u03a4\u03a5\u03a7": "TYX",
    "\u03dc\u037f": "FJ",
    # Armenian
    "\u0585\u057d\u0578\u0570\u0555\u054d\u054f": "ounhOUS",
    # Coptic
    "\u2c9f\u2ca5\u2ca3\u2cad\u2c92\u2c94\u2c98\u2c9a\u2c9e\u2ca2\u2ca4": "ocpxIKMNOPC",
    "\u2ca6\u2cac\u2c8e": "TXH",
    # Cherokee
    "\u13aa\u13f4\u13df\u13a0\u13ac\u13c0\u13bb\u13a5\u13ab\u13e6\u13de": "ABCDEGHiJKL",
    "\u13b7\u13e2\u13a1": "MPR",
    "\u13da\u13a2\u13d9\u13b3\u13c3\u13bd": "STVWZY",
    # Lisu
    "\ua4d0\ua4d1\ua4d3\ua4d4\ua4d6\ua4d7\ua4d9\ua4da\ua4dc\ua4dd\ua4df": "BPDTGKJCZFM",
    "\ua4e0\ua4e1\ua4e2": "NLS",
    "\ua4e3\ua4e6\ua4e7\ua4ea\ua4eb\ua4ec\ua4ee\ua4f0\ua4f2\ua4f3\ua4f4": "RVHWXYAEIOU",
    # Canadian syllabics
    "\u15e9\u15f7\u1455\u15ea\u15b4\u157c\u148d\u14aa\u15f0\u144e\u146d": "ABCDFHJLMNP",
    "\u1587\u1515\u144c": "RSU",
    "\u142f\u15ef\u166d\u1614": "VWXZ",
}
"""Cyrillic, Greek, Armenian, Coptic, Cherokee, Lisu and Canadian syllabics: drawn the same."""

_LIKE = {
    # Cyrillic
    "\u0432\u0433\u0454\u0438\u043a\u043c\u043d\u043f\u0442\u044c\u0448": "breukmhntbw",
    "\u0431\u0491": "br",
    "\u0423\u042c": "Yb",
    # Greek
    "\u03b1\u03b2\u03b3\u03b5\u03b9\u03ba\u03b7\u03c1\u03c2\u03c3\u03c4": "abyeiknpcot",
    "\u03c5\u03c7\u03c9": "uxw",
    "\u03c0\u03bc": "nu",
    # Armenian
    "\u0566\u0581\u0575\u0584\u0573\u053c": "qgjpdL",
    # Latin itself
    "\u0131\u0237\u0251\u0261\u0269\u212e\u0185\u01c0\u0138\u0192": "ijagiebikf",
}
"""Alike enough inside a word that is Latin otherwise, and not enough to make a word of."""

_LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]")

_Script = Literal["latin", "odd", "foreign", "either", "none"]
"""Of a word; `odd`: Latin with letters that are drawn like others."""


class Disguised(NamedTuple):
    """A word with look-alikes in it, by its place, and what it passes for."""

    start: int
    end: int
    plain: str


def disguised(text: str) -> Iterator[Disguised]:
    """The words of a text that pass for Latin ones, in the order of their places.

    A word of look-alikes alone is one if, of the nearest words that tell on either side, one is
    Latin and none is foreign.

    >>> [word.plain for word in disguised("my \u0440\u0430\u0443p\u0430\u04cf id")]
    ['paypal']
    """
    letters = _letters()
    if letters.odd.search(text) is None:
        return
    classes = letters.classes.of(text)
    if "S" not in classes:
        yield from _mixed(text, classes, letters)
        return
    before: _Script = "none"
    waiting: list[Disguised] = []
    for found in _WORD.finditer(classes):
        script = letters.scripts[found.group()]
        if script == "none":
            continue
        start, end = found.span()
        if script == "either":
            waiting.append(Disguised(start, end, text[start:end].translate(letters.plain)))
            continue
        if waiting:
            if before != "foreign" != script:
                yield from waiting
            waiting = []
        before = "latin" if script == "odd" else script
        if script == "odd":
            yield Disguised(start, end, text[start:end].translate(letters.plain))
    if before == "latin":
        yield from waiting


def _mixed(text: str, classes: str, letters: _Letters) -> Iterator[Disguised]:
    """Where no letter is drawn the same as a Latin one: words say all by themselves."""
    done = 0
    while (odd := _LIKE_LATIN.search(classes, done)) is not None:
        start = classes.rfind(" ", done, odd.start()) + 1 or done
        done = classes.find(" ", start)
        if done < 0:
            done = len(classes)
        if letters.scripts[classes[start:done]] == "odd":
            yield Disguised(start, done, text[start:done].translate(letters.plain))


_WORD = re.compile(r"[^ ]+")
_LIKE_LATIN = re.compile("[lo]")


class _Letters:
    """The table, and what tells scripts apart."""

    def __init__(self) -> None:
        same = _with_marks(_SAME)
        every = same | _with_marks(_LIKE)
        self.plain = str.maketrans(every)
        self.odd = re.compile("[" + "".join(map(re.escape, every)) + "]")
        self.classes = _Classes(map(ord, every), map(ord, same))
        self.scripts = _Scripts()


class _Classes:
    """Of a character: Latin (L), another letter (O), part of a word (n), drawn the same as Latin
    (S), or like Latin: of itself Latin (l) or not (o).

    A byte for each character there is, worked out when one is first met.
    """

    def __init__(self, like: Iterable[int], same: Iterable[int]) -> None:
        self._known = np.zeros(0x110000, dtype=np.uint8)
        for code in like:
            self._known[code] = ord(_class(chr(code)).lower())
        self._known[list(same)] = ord("S")

    def of(self, text: str) -> str:
        """The classes of a text's characters; a space where it is of none."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        found = self._known.take(codes)
        if not found.all():
            new = np.unique(codes[found == 0])
            kinds = "".join(map(_class, map(chr, new.tolist()))).encode()
            self._known[new] = np.frombuffer(kinds, dtype=np.uint8)
            found = self._known.take(codes)
        return found.tobytes().decode("ascii")


def _class(char: str) -> str:
    kind = unicodedata.category(char)
    if kind[0] == "L":
        return "L" if _LATIN.match(char) else "O"
    return "n" if kind[0] == "N" or kind in {"Mn", "Me"} or char == "_" else " "


class _Scripts(dict[str, _Script]):
    """Which script a word is of, as far as the classes of its characters tell."""

    def __missing__(self, classes: str) -> _Script:
        latin = classes.count("L") + classes.count("l")
        other = classes.count("O") + classes.count("o")
        found: _Script = "none"
        if latin or other:
            found = "latin" if latin and other <= latin else "foreign"
            if found == "latin" and not _ODD.isdisjoint(classes):
                found = "odd"
        elif "S" in classes:
            found = "either"
        if len(self) < _KEPT and len(classes) < 32:
            self[classes] = found
        return found


_ODD = frozenset("Slo")
_KEPT = 20_000
"""Of what was worked out once: so many are remembered."""


@cache
def _letters() -> _Letters:
    return _Letters()


def _with_marks(pairs: dict[str, str]) -> dict[str, str]:
    """The letters of some pairs, those with accents of their own too."""
    table = {
        odd: plain
        for odds, plains in pairs.items()
        for odd, plain in zip(odds, plains, strict=True)
    }
    for code in (*range(0x370, 0x530), *range(0x1F00, 0x2000)):
        whole = unicodedata.normalize("NFD", chr(code))
        if len(whole) > 1 and whole[0] in table:
            table[chr(code)] = unicodedata.normalize("NFC", table[whole[0]] + whole[1:])[0]
    return table
