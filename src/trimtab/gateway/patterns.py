"""Which model names are meant by patterns such as `openai/*`, and which models are approved."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import translate

from trimtab.records import ApprovedModel

_REMEMBERED = 10_000  # names come from outside: what is remembered of them is bounded
_WILD = frozenset("*?[")


class Patterns:
    """Names, in which `*`, `?` and `[seq]` stand for what they do in file names; case counts.

    >>> allowed = Patterns(["openai/gpt-*", "support"])
    >>> allowed.match("openai/gpt-4o"), allowed.match("support"), allowed.match("openai/o3")
    (True, True, False)
    """

    __slots__ = ("_known", "_names", "_wild", "patterns")

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._names = frozenset(p for p in self.patterns if _WILD.isdisjoint(p))
        wild = [translate(p) for p in self.patterns if not _WILD.isdisjoint(p)]
        self._wild = re.compile("|".join(wild)) if wild else None
        self._known: dict[str, bool] = {}

    def match(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            wild = self._wild is not None and self._wild.match(name) is not None
            known = self._known[name] = wild or name in self._names
        return known

    def near(self, name: str) -> list[str]:
        """The patterns most like a name, and others where there are few."""
        close = get_close_matches(name[:200], self.patterns, n=5, cutoff=0.4)
        return [*close, *(p for p in self.patterns if p not in close)][:5]


class Catalogue:
    """The approved models of a project; without an entry every model is approved.

    >>> catalogue = Catalogue([ApprovedModel(model="openai/*", expires="2026-11-21")])
    >>> catalogue.refusal("openai/o3", "2026-11-21") is None
    True
    >>> catalogue.refusal("openai/o3", "2026-11-22")
    'its approval ended on 2026-11-21'
    """

    __slots__ = ("_day", "_entries", "_known", "names")

    def __init__(self, entries: Iterable[ApprovedModel]) -> None:
        self._entries = [(Patterns([entry.model]), entry) for entry in entries]
        self.names = Patterns([entry.model for _, entry in self._entries])
        self._day = ""
        self._known: dict[str, str | None] = {}

    def refusal(self, model: str, day: str) -> str | None:
        """Why a model id may not be called on a UTC day; None when it may."""
        if not self._entries:
            return None
        if day != self._day or len(self._known) >= _REMEMBERED:
            self._day = day
            self._known.clear()
        if model not in self._known:
            self._known[model] = self._decide(model, day)
        return self._known[model]

    def current(self, day: str) -> Patterns:
        """The patterns that are approved on a day."""
        return Patterns([entry.model for _, entry in self._entries if not _over(entry, day)])

    def _decide(self, model: str, day: str) -> str | None:
        entries = [entry for patterns, entry in self._entries if patterns.match(model)]
        if any(not _over(entry, day) for entry in entries):
            return None
        if entries:
            ended = max(entry.expires or "" for entry in entries)
            return f"its approval ended on {ended}"
        return "it is not an approved model"


def _over(entry: ApprovedModel, day: str) -> bool:
    return entry.expires is not None and day > entry.expires
