"""Destinations: where a text leads to an address, in which no value of a caller may be put.

A model that was talked into it writes a link or an image whose address has tokens in it. With their
values restored, whoever shows the answer would send them to whom the address belongs to.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import re2

from trimtab.signals.growing import MOST_CHARS

_PLACE = r"(?:<[A-Za-z][A-Za-z0-9_\\]{0,60}>)"
_WORD = rf"(?:{_PLACE}|\\.|[^\s()\\])"
# CommonMark 0.31, 6.3: brackets of a destination are balanced; what is not goes on to a space.
_BALANCED = rf"(?:{_WORD}|\({_WORD}*\))"
_INLINE = rf"(?:{_WORD}|\({_BALANCED}*\))*(?:\([^\s]*)?"
_POINTED = rf"<(?:{_PLACE}|\\.|[^<>\n])*"
_NAMES = "src|srcset|href|action|formaction|data|poster|background|ping|manifest|content|style|cite"
_ADDRESS = re.compile(r"[/\\:&%]")
_ATTRIBUTE = 3  # the group of the pattern
_HARMLESS = ("", "mailto:", "tel:", "sms:")


class Destination:
    """An address in a text, as far as there is of it; it begins at `at` of `start` to `end`."""

    __slots__ = ("at", "end", "is_attribute", "start", "text")
    start: int
    end: int
    at: int
    text: str

    def __init__(self, found: Any) -> None:
        number, said = next(each for each in enumerate(found.groups(), 1) if each[1] is not None)
        self.start, self.end = found.span()
        self.at, self.text = found.start(number), said
        self.is_attribute = number == _ATTRIBUTE

    def keeps(self, at: int) -> bool:
        """Whether a value that is put at a place of the text would be sent to somebody."""
        before = self.text[: at - self.at].strip().removeprefix("<").strip("\"'\\ ").lower()
        if before in _HARMLESS:
            return False
        return not self.is_attribute or _ADDRESS.search(before) is not None


def destinations(text: str) -> list[Destination]:
    """The addresses of links, images, tags and styles, and those that stand by themselves.

    >>> [one.text for one in destinations("![a](//b.test/?c=<D_1>), https://e.test/<F_2>. <G_3>")]
    ['//b.test/?c=<D_1>', 'https://e.test/<F_2>.']
    """
    if not any(mark in text for mark in ("](", "]:", "=", "//", "(", ":\\", "www.", "WWW.")):
        return []
    return [Destination(found) for found in _pattern().finditer(text)]


def cut(text: str, at: int) -> int:
    """The last place up to `at` that lies in no address, unless it is too long to be one."""
    for one in destinations(text):
        if one.start >= at:
            break
        if at < one.end and one.end - one.start <= MOST_CHARS:
            return one.start
    return at


@cache
def _pattern() -> Any:
    quoted = (rf"\\?{quote}(?:{_PLACE}|[^{quote}])*" for quote in "\"'")
    return re2.compile(
        rf"(?i)\]\(\s*({_PLACE}{_INLINE}|{_POINTED}|{_INLINE})"
        rf"|\]:\s*({_PLACE}{_INLINE}|{_POINTED}|{_INLINE})"
        rf"|\b(?:{_NAMES})\s*=\s*({'|'.join(quoted)}|(?:{_PLACE}|[^\s>\"'])*)"
        rf"|(?:\burl\(|@import)\s*(\\?[\"']?(?:{_PLACE}|[^\s\"'()])*)"
        rf"|((?:[a-z][a-z0-9+.-]*:[/\\]{{2}}|\bwww\.)(?:{_PLACE}|[^\s\"`<>])*)"
    )
