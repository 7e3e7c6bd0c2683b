"""Vault: what one call's tokens stand for. It lives as long as the call and is never stored.

Values become tokens such as `<EMAIL_ADDRESS_1>`, numbered in the order in which they are met: a
conversation that is sent again from its beginning gets the same tokens. They become values again
on the way to the caller; on record there are tokens only.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable

LONGEST_TOKEN = 96
"""Characters of a token as a model may write it, escapes included."""

_LONGEST_KIND = 32
# JSON may be written with its angle brackets escaped, and HTML must be.
_SAID = re.compile(r"(?:<|\\u003[cC]|&lt;)([A-Z][A-Z0-9_]{0,60})(?:>|\\u003[eE]|&gt;)")
_NOT_A_WORD = re.compile(r"[^A-Z0-9]+")
_SHORTEST_HIDDEN = 3  # characters: what is shorter would be found in everything


class Vault:
    """Tokens and values of one call.

    Args:
        apart: tokens are unlike those of any other call, because messages are out of sight whose
            tokens may come back.
    """

    def __init__(self, *, apart: bool = False) -> None:
        self._mark = f"_{secrets.token_hex(2).upper()}" if apart else ""
        self._tokens: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._taken: set[str] = set()
        self._hiding: re.Pattern[str] | None = None

    def __bool__(self) -> bool:
        return bool(self._values)

    def set_apart(self) -> None:
        """Make tokens from now on unlike those of any other call."""
        self._mark = self._mark or f"_{secrets.token_hex(2).upper()}"

    def reserve(self, texts: Iterable[str]) -> None:
        """Never use a token that stands in one of these texts already."""
        for text in texts:
            if "<" in text or "\\u003" in text or "&lt;" in text:
                self._taken.update(found[1] for found in _SAID.finditer(text))

    def forged(self, text: str) -> list[tuple[int, int]]:
        """Where a text has tokens of this call without having got them here."""
        if not self._values or "_" not in text:
            return []
        return [found.span() for found in _SAID.finditer(text) if found[1] in self._values]

    def token(self, kind: str, value: str) -> str:
        """The token of a value, always the same."""
        key = kind, value
        if key not in self._tokens:
            name = self._free(_kind(kind))
            self._tokens[key] = name
            self._values[name] = value
            self._hiding = None
        return f"<{self._tokens[key]}>"

    def restored(self, text: str, *, in_json: bool = False) -> list[tuple[int, int, str]]:
        """Where a text has tokens, and what they stand for.

        Args:
            in_json: the text is JSON, so a value is written as in a string of it.
        """
        if not self._values:
            return []
        found = []
        for match in _SAID.finditer(text):
            value = self._values.get(match[1])
            if value is not None:
                found.append((*match.span(), _escaped(value) if in_json else value))
        return found

    def hidden(self, text: str) -> str:
        """The text with every value of this call as its token."""
        if not self._values:
            return text
        if self._hiding is None:
            self._tokens_of = self._spelt()
            longest_first = sorted(self._tokens_of, key=len, reverse=True)
            self._hiding = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        return self._hiding.sub(lambda found: self._tokens_of[found[0]], text)

    def _spelt(self) -> dict[str, str]:
        """Every way in which a value may be written, and its token."""
        spelt: dict[str, str] = {}
        for (_, value), name in self._tokens.items():
            for form in (value, _escaped(value)):
                if len(form) >= _SHORTEST_HIDDEN:
                    spelt.setdefault(form, f"<{name}>")
        return spelt

    def _free(self, kind: str) -> str:
        while True:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"{kind}{self._mark}_{count}"
            if name not in self._taken:
                return name


def _kind(kind: str) -> str:
    name = _NOT_A_WORD.sub("_", kind.upper()).strip("_")[:_LONGEST_KIND]
    return name if name[:1].isalpha() else f"X_{name}".rstrip("_")


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def unescaped(piece: str) -> str:
    """What a piece of a JSON string says; the piece itself where it is cut inside an escape."""
    if "\\" not in piece:
        return piece
    try:
        return str(json.loads(f'"{piece}"'))
    except ValueError:
        return piece
