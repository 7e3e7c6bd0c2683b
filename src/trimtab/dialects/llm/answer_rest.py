"""What an answer says where no reader looks: members that nobody knows, lists of sources, seals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from trimtab.dialects.llm.others import is_choice, is_encoded

Path = tuple[Any, ...]

_SEALS = frozenset({"encrypted_content", "encrypted_index", "signature"})
_CHOICES = frozenset({"finish_reason", "format", "object", "status", "stop_reason"})
_LEAST_NUMBER = 10**11  # Shorter ones are counts, sizes and times in seconds.
_DEEPEST = 50


class Leaf(NamedTuple):
    """A string of a value, or a number long enough to be somebody's."""

    holder: Any
    key: Any
    path: Path


def leaves(value: Any, path: Path = (), but: frozenset[str] = frozenset()) -> Iterator[Leaf]:
    """Whatever a value says, with the way there; items of lists go by their `index`.

    Left out are words that only choose something, seals, and files in base64.

    Args:
        but: members of the value itself that are read as something else.

    >>> [(leaf.key, leaf.path) for leaf in leaves({"type": "a", "b": [{"index": 3, "c": "d"}]})]
    [('c', ('b', 3, 'c'))]
    """
    if len(path) > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in but and not _is_mute(name, member):
                yield from _leaf(value, name, member, (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaf(value, place, item, (*path, _place(item, place)))


def _leaf(holder: Any, key: Any, value: Any, path: Path) -> Iterator[Leaf]:
    if isinstance(value, str):
        if value and not is_encoded(value):
            yield Leaf(holder, key, path)
    elif type(value) is int:
        if abs(value) >= _LEAST_NUMBER:
            yield Leaf(holder, key, path)
    else:
        yield from leaves(value, path)


def _place(item: Any, place: int) -> int:
    index = item.get("index") if isinstance(item, dict) else None
    return index if type(index) is int else place


def _is_mute(name: str, value: Any) -> bool:
    return name in _SEALS or name in _CHOICES or name.endswith("_at") or is_choice(name, value)
