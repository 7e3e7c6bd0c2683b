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
from urllib.parse import quote

LONGEST_TOKEN = 96
"""Characters of a token as a model may write it, escapes included."""

_LONGEST_KIND = 32
_NAME = r"([A-Za-z][A-Za-z0-9_\\]{0,60})"
# JSON may be written with its angle brackets escaped, HTML, Markdown and addresses must be.
_SAID = re.compile(
    rf"\\{{1,2}}<{_NAME}\\{{1,2}}>"
    rf"|(?:<|\\u003[cC]|&lt;){_NAME}(?:>|\\u003[eE]|&gt;)"
    rf"|%3[cC]{_NAME}%3[eE]"
)
_MARKS = ("<", "\\u003", "&lt;", "%3")
_NOT_A_WORD = re.compile(r"[^A-Z0-9]+")
_SHORTEST_HIDDEN = 3  # characters: what is shorter would be found in everything
_SHORTEST_CONCEALED = 6


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
        self._concealed: dict[str, str] = {}
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
            if any(mark in text for mark in _MARKS):
                self._taken.update(map(_named, _SAID.finditer(text)))

    def forged(self, text: str) -> list[tuple[int, int]]:
        """Where a text has tokens of this call without having got them here."""
        if not self._values or "_" not in text:
            return []
        return [found.span() for found in _SAID.finditer(text) if _named(found) in self._values]

    def token(self, kind: str, value: str) -> str:
        """The token of a value, always the same."""
        key = kind, value
        if key not in self._tokens:
            name = self._free(_kind(kind))
            self._tokens[key] = name
            self._values[name] = value
            self._hiding = None
        return f"<{self._tokens[key]}>"

    def conceal(self, value: str, instead: str) -> None:
        """Have a value hidden wherever the record of the call says it."""
        if len(value) >= _SHORTEST_CONCEALED and value not in self._concealed:
            self._concealed[value] = instead
            self._hiding = None

    def restored(self, text: str, *, in_json: bool = False) -> list[tuple[int, int, str]]:
        """Where a text has tokens, and what they stand for.

        Args:
            in_json: the text is JSON, so a value is written as in a string of it.
        """
        if not self._values:
            return []
        found = []
        for match in _SAID.finditer(text):
            value = self._values.get(_named(match))
            if value is not None:
                said = _in_address(value) if match[3] else value
                found.append((*match.span(), _escaped(said) if in_json else said))
        return found

    def canonical(self, text: str) -> str:
        """The text with every token of this call as it was made."""
        return _SAID.sub(
            lambda one: f"<{_named(one)}>" if _named(one) in self._values else one[0], text
        )

    def hidden(self, text: str) -> str:
        """The text with every value of this call as its token, or as what it was redacted to."""
        if not self._values and not self._concealed:
            return text
        if self._hiding is None:
            self._tokens_of = self._spelt()
            longest_first = sorted(self._tokens_of, key=len, reverse=True)
            self._hiding = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        return self._hiding.sub(lambda found: self._tokens_of[found[0]], text)

    def _spelt(self) -> dict[str, str]:
        """Every way in which a value may be written, and what stands for it on record."""
        spelt: dict[str, str] = {}
        for (_, value), name in self._tokens.items():
            for form in (value, _escaped(value), _in_address(value)):
                if len(form) >= _SHORTEST_HIDDEN:
                    spelt.setdefault(form, f"<{name}>")
        for value, instead in self._concealed.items():
            for form in (value, _escaped(value)):
                spelt.setdefault(form, instead)
        return spelt

    def _free(self, kind: str) -> str:
        while True:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"{kind}{self._mark}_{count}"
            if name not in self._taken:
                return name


def _named(said: re.Match[str]) -> str:
    """The name of the token that is meant."""
    return (said[1] or said[2] or said[3]).replace("\\", "").upper()


def _kind(kind: str) -> str:
    name = _NOT_A_WORD.sub("_", kind.upper()).strip("_")[:_LONGEST_KIND]
    return name if name[:1].isalpha() else f"X_{name}".rstrip("_")


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _in_address(value: str) -> str:
    return quote(value, safe="@", errors="replace")


def unescaped(piece: str) -> str:
    """What a piece of a JSON string says; the piece itself where it is cut inside an escape."""
    if "\\" not in piece:
        return piece
    try:
        return str(json.loads(f'"{piece}"'))
    except ValueError:
        return piece
