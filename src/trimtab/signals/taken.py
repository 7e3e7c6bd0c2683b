"""Values of a call that others wrote: what stands in untrusted text and no user said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import unquote

import re2

from trimtab.signals.text import Text

_LEAST_TAKEN = 4
_LEAST_JOINED, _LEAST_DIGITS = 8, 4
_BETWEEN = re.compile(r"[\s.-]+")


class Taken:
    """What stands in untrusted text and was not said by the user.

    >>> Taken(["Pay to DE02 1203 0000 0000."], []).holds("DE02120300000000")
    True
    """

    def __init__(self, untrusted: Sequence[str], trusted: Sequence[str]) -> None:
        self._untrusted = [_compared(text) for text in untrusted]
        self._trusted = [_compared(text) for text in trusted]
        self._untrusted_joined = [_joined(text) for text in self._untrusted]
        self._trusted_joined = [_joined(text) for text in self._trusted]

    def holds(self, leaf: Any) -> bool:
        """Whether a value, or an address or number within it, came from there.

        Read with and without escapes; numbers also without what parts their digits. Values of
        fewer than four characters prove nothing. What a model made up out of several pieces is
        not recognised.
        """
        if leaf is None or isinstance(leaf, bool):
            return False
        whole = _compared(str(leaf))
        wholes = dict.fromkeys((whole, _compared(unescape(unquote(whole)))))
        return any(map(self._has, wholes)) or any(
            self._has(found.group()) for each in wholes for found in _part().finditer(each)
        )

    def _has(self, part: str) -> bool:
        joined = _joined(part)
        is_number = len(joined) >= _LEAST_JOINED and sum(map(str.isdigit, joined)) >= _LEAST_DIGITS
        if is_number and any(joined in text for text in self._untrusted_joined):
            return not any(joined in text for text in self._trusted_joined)
        if len(part) < _LEAST_TAKEN or not any(part in text for text in self._untrusted):
            return False
        return not any(part in text for text in self._trusted)


def _compared(text: str) -> str:
    """A text without case and with single spaces, so that spacing hides nothing."""
    return " ".join(Text(text).folded.split())


def _joined(text: str) -> str:
    return _BETWEEN.sub("", text)


@cache
def _part() -> Any:
    return re2.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[a-z]+://[^\s/?#]+|[a-z]{0,4}\d[\d -]{4,}\d")
