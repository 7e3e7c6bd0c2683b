"""The graph of a plan's steps: what each needs, in which order they can be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trimtab.errors import InvalidRequest

Needs = Mapping[str, frozenset[str]]
"""The steps that each step needs, by name, in the order they are declared."""


def ordered(needs: Needs) -> list[str]:
    """The steps in an order in which each comes after what it needs (Kahn 1962).

    They come in waves: first those that need nothing, then those that need only these, and so on.

    Raises:
        InvalidRequest: there is a cycle, which it names.

    >>> ordered({"b": frozenset({"a"}), "a": frozenset(), "c": frozenset({"b"})})
    ['a', 'b', 'c']
    """
    needing: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for one in needed:
            needing[one].append(name)
    left = {name: len(needed) for name, needed in needs.items()}
    ready = [name for name, count in left.items() if not count]
    order: list[str] = []
    while ready:
        order += ready
        following = []
        for name in ready:
            for one in needing[name]:
                left[one] -= 1
                if not left[one]:
                    following.append(one)
        ready = following
    if len(order) < len(needs):
        cycle = _cycle({name: needs[name] for name, count in left.items() if count})
        raise InvalidRequest(
            f"the steps need each other: {' needs '.join(cycle)}",
            where="steps",
            fix="take one of these out of the circle",
        )
    return order


def _cycle(needs: Needs) -> list[str]:
    """The names of one circle, the first again at its end; each of `needs` needs one of them."""
    name, seen = next(iter(needs)), []
    while name not in seen:
        seen.append(name)
        name = next(one for one in sorted(needs[name]) if one in needs)
    return [*seen[seen.index(name) :], name]


def following(needs: Needs, first: Iterable[str]) -> frozenset[str]:
    """Some steps, and all that need them, directly or not.

    >>> sorted(following({"a": frozenset(), "b": frozenset({"a"}), "c": frozenset()}, ["a"]))
    ['a', 'b']
    """
    found = set(first)
    for name in ordered(needs):
        if not needs[name].isdisjoint(found):
            found.add(name)
    return frozenset(found)


def unused(needs: Needs, used: Iterable[str]) -> Sequence[str]:
    """The steps that no other needs, and that nobody uses either."""
    wanted = frozenset().union(*needs.values()) | frozenset(used)
    return [name for name in needs if name not in wanted]
