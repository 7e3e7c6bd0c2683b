"""Hiding: texts, names and JSON values with what some signals find in them taken out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from trimtab.guards.case import Case
from trimtab.guards.edits import apart, placeholder
from trimtab.kit.hashing import digest
from trimtab.signals.finding import Finding
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

SURE = 0.5
"""Findings that are less sure stay in the record."""

_SECRETS = "secrets"
_SHORTEST = 6  # characters: nothing shorter is a secret or a person's data
_LEAST_NUMBER = 10**7  # no phone, card or account has fewer digits
_PLAIN_KEY = re.compile(r"[A-Za-z_.-]{1,40}")
# A file in base64 is one long word: to read it costs much, and it says nothing.
_FILE = re.compile(r"(?:data:[\w.+/;=-]{0,200},)?(?:[A-Za-z0-9+/]{4096,}|[\w-]{4096,})={0,2}\s?")
_FILE_CHARS = 4096
_DEEPEST = 100
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class Hiding:
    """Hides the findings of some signals, and the values behind the tokens of a call."""

    def __init__(self, signals: Sequence[Signal], case: Case) -> None:
        self._signals = tuple(signals)
        self._secrets = tuple(one for one in self._signals if one.name == _SECRETS)
        self._others = tuple(one for one in self._signals if one.name != _SECRETS)
        self._case = case

    def text(self, text: str) -> str:
        """A text with placeholders for what is hidden."""
        text = self._case.vault.hidden(text)
        if len(text) < _SHORTEST or _is_file(text):
            return text
        return self._once("text", text, lambda: self._without(text, self._signals))

    def name(self, project: str, name: str) -> str:
        """What a record is found by: a person's data in it becomes a pseudonym, always the same.

        What belongs together stays together, and whoever knows the value can find it. Letters
        alone, so that no signal takes them for a number.

        >>> from trimtab.signals.catalogue import signal
        >>> Hiding([signal("pii")], Case()).name("default", "ann@example.org")
        'email_address-lfggkmkheoof'
        """
        if len(name) < _SHORTEST:
            return name
        return self._once("name", name, lambda: self._named(project, name))

    def _named(self, project: str, name: str) -> str:
        name = self._without(name, self._secrets)
        return _replaced(name, self._found(name, self._others), project)

    def _once(self, what: str, text: str, hidden: Callable[[], str]) -> str:
        """A text with something hidden, looked at once where there is nothing to hide: roles,
        models and system prompts are the same in every record."""
        known = self._case.known
        if known is None:
            return hidden()
        if known.is_clean(what, text):
            return text
        new = hidden()
        if new == text:
            known.cleared(what, text)
        return new

    def value(self, value: Any) -> Any:
        """Anything made of JSON's types, with the same parts wherever nothing is hidden."""
        return self._walked(value, 0)

    def _walked(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            new = self.text(value)
            return value if new == value else new
        if isinstance(value, int) and not isinstance(value, bool):
            return self._number(value)
        if depth > _DEEPEST:
            return value
        if isinstance(value, dict):
            return self._members(value, depth)
        if isinstance(value, list | tuple):
            found = [self._walked(item, depth + 1) for item in value]
            if all(new is old for new, old in zip(found, value, strict=True)):
                return value
            return type(value)(found)
        return value

    def _members(self, members: dict[Any, Any], depth: int) -> dict[Any, Any]:
        items: dict[Any, Any] = {}
        same = True
        for key, value in members.items():
            name = self._key(key, members, items) if isinstance(key, str) else key
            items[name] = self._walked(value, depth + 1)
            same = same and name is key and items[name] is value
        return members if same else items

    def _key(self, key: str, members: dict[Any, Any], items: dict[Any, Any]) -> str:
        """The name of a member; one that another has already gets a number."""
        if _PLAIN_KEY.fullmatch(key):
            return key
        new = self.text(key)
        if new == key:
            return key
        count = 1
        free = new
        while free in items or free in members:
            count += 1
            free = f"{new} {count}"
        return free

    def _number(self, number: int) -> Any:
        """A card or an account may be written without quotes."""
        if not self._others or -_LEAST_NUMBER < number < _LEAST_NUMBER:
            return number
        text = str(number) if number.bit_length() < 1000 else ""
        new = self._without(text, self._others)
        return number if new == text else new

    def _without(self, text: str, signals: Sequence[Signal]) -> str:
        return _replaced(text, self._found(text, signals))

    def _found(self, text: str, signals: Sequence[Signal]) -> list[Finding]:
        view = Text(text)
        found: list[Finding] = []
        for signal in signals:
            found += [one for one in self._case.read(signal, view).findings if one.score >= SURE]
        return apart(found)


def _replaced(text: str, found: Sequence[Finding], project: str | None = None) -> str:
    """A text with placeholders; within a project, with pseudonyms."""
    if not found:
        return text
    parts: list[str] = []
    at = 0
    for one in found:
        hidden = text[one.start : one.end]
        instead = placeholder(one.kind) if project is None else _pseudonym(project, one, hidden)
        parts += (text[at : one.start], instead)
        at = one.end
    return "".join([*parts, text[at:]])


def _pseudonym(project: str, finding: Finding, value: str) -> str:
    letters = digest([project, finding.kind, value.casefold()])[:12].translate(_LETTERS)
    return f"{finding.kind}-{letters}"


def _is_file(text: str) -> bool:
    return len(text) > _FILE_CHARS and _FILE.fullmatch(text) is not None
