"""Words that attacks use, of which most spellings must show one before anything is read again."""

from __future__ import annotations

import string
from functools import lru_cache
from typing import NamedTuple

import re2

_TELLING = (
    r"ignore|ignoring|disregard|forget|override|overrule|bypass|instruction|directive|guideline|"
    r"restriction|systemprompt|systemmessage|hiddenprompt|initialprompt|yourprompt|"
    r"yourrules|norules|allrules|therules|previousrules|jailbreak|unrestricted|unfiltered|reveal|"
    r"developermode|pretend|fromnowon|youarenow|actas|donotrefuse|neverrefuse|nolimits|"
    r"ignorier|anweisung|vergiss|instruccion|instrucoes|istruzion|consigne|oubliez"
)


class Letters(NamedTuple):
    """How the letters of a text are made of its bytes, and which bytes make none."""

    table: bytes | None
    others: bytes


def made_of(signs: str = "", letters: str = "") -> Letters:
    """Small letters as they are, and some signs as letters."""
    own = (string.ascii_lowercase + signs).encode()
    table = bytes.maketrans(signs.encode(), letters.encode()) if signs else None
    return Letters(table, bytes(set(range(256)).difference(own)))


def tells(letters: str) -> bool:
    """Whether one of the words stands in a text without spaces."""
    return _text().search(letters) is not None


def may_tell(data: bytes, letters: Letters) -> bool:
    """Whether one of the words stands in a text without anything else: most texts have none.

    What is left out between two letters may be anything, so this is true of too many texts and
    false of none that has such a word in any spelling of these letters.
    """
    return _bytes().search(data.translate(letters.table, letters.others)) is not None


@lru_cache(maxsize=1)
def _text() -> re2._Regexp[str]:
    return re2.compile(_TELLING)


@lru_cache(maxsize=1)
def _bytes() -> re2._Regexp[bytes]:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(_TELLING.encode(), options)
