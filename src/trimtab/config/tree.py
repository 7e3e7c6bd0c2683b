"""Settings before they have types: a tree in which every value knows where it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

Scalar = None | bool | int | float | str
_NAME_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_DIGITS_IN_A_NAME = 2


class Place(NamedTuple):
    """A file and position (line and column count from 1), a variable, or a flag.

    >>> str(Place("trimtab.yaml", 3, 7)), Place("trimtab.yaml", 3, 7).origin, str(Place("--port"))
    ('trimtab.yaml:3:7', 'trimtab.yaml:3', '--port')
    """

    source: str
    line: int | None = None
    column: int | None = None

    @property
    def origin(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"

    def __str__(self) -> str:
        return self.origin if self.column is None else f"{self.origin}:{self.column}"


class Leaf(NamedTuple):
    """A single value.

    `text` says that it came without a type (from the environment) and may be read as a number or a
    boolean; `expand` that `${NAME}` in it is still to be replaced.
    """

    value: Scalar
    place: Place
    text: bool = False
    expand: bool = False


class Section(NamedTuple):
    """Named values; `keys` are the places of the names themselves."""

    items: dict[str, Tree]
    keys: dict[str, Place]
    place: Place


class Listing(NamedTuple):
    items: list[Tree]
    place: Place


Tree: TypeAlias = Leaf | Section | Listing


def child(key: str, name: str) -> str:
    """The dotted key of a name in a section, safe to show.

    What does not look like a name is left out: in `{key:sk-123}` the missing space makes the
    secret part of a name.

    >>> child("access", "kyes"), child("", "key:sk-123")
    ('access.kyes', '(unreadable)')
    """
    digits = sum(char.isdigit() for char in name)
    is_name = _NAME_LIKE.fullmatch(name) is not None and digits <= _DIGITS_IN_A_NAME
    shown = name if is_name else "(unreadable)"
    return f"{key}.{shown}" if key else shown


def tree_of(value: Any, place: Place) -> Tree:
    """A tree of plain values (parsed JSON, command-line values), all written at one place."""
    if isinstance(value, Mapping):
        items = {str(key): tree_of(item, place) for key, item in value.items()}
        return Section(items, dict.fromkeys(items, place), place)
    if isinstance(value, list | tuple):
        return Listing([tree_of(item, place) for item in value], place)
    return Leaf(value, place)


def at(path: list[str], leaf: Tree, place: Place) -> Section:
    """A tree that holds one value under a path of names."""
    for name in reversed(path):
        leaf = Section({name: leaf}, {name: place}, place)
    if not isinstance(leaf, Section):
        raise ValueError("a setting has a name")
    return leaf


def merge(low: Tree, high: Tree) -> Tree:
    """`high` over `low`: sections are merged name by name, everything else is replaced whole."""
    if not isinstance(low, Section) or not isinstance(high, Section):
        return high
    items = dict(low.items)
    for name, item in high.items.items():
        items[name] = merge(items[name], item) if name in items else item
    return Section(items, low.keys | high.keys, low.place)
