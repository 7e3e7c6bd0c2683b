"""How two versions differ: which rows came, which went, and which fields of the others changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from trimtab.ports import DatasetStore
from trimtab.records import Example


class ChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that both versions have: the fields that differ, each as [before, after]."""

    example_id: str
    fields: dict[str, tuple[Any, Any]]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """From one version to another.

    The numbers count all rows; the lists hold the first of each. `reordered` says that rows which
    both have come in another order.
    """

    base: str
    new: str
    added: int
    removed: int
    changed: int
    unchanged: int
    reordered: bool
    added_rows: list[Example]
    removed_rows: list[Example]
    changed_rows: list[ChangedRow]


def differ(
    datasets: DatasetStore, project: str, base: str, new: str, *, limit: int = 100
) -> Difference:
    """The difference between two versions, of one dataset or of two.

    Rows are the same by `example_id`.

    Args:
        limit: how many rows of each kind are shown.
    Raises:
        NotFound: a version does not exist.
    """
    before, after = datasets.digests(project, base), datasets.digests(project, new)
    common = [one for one in before if one in after]
    changed = [one for one in common if before[one] != after[one]]
    added = [one for one in after if one not in before]
    removed = [one for one in before if one not in after]
    old = _rows(datasets, project, base, [*removed[:limit], *changed[:limit]])
    fresh = _rows(datasets, project, new, [*added[:limit], *changed[:limit]])
    return Difference(
        base=datasets.get(project, base).ref,
        new=datasets.get(project, new).ref,
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        unchanged=len(common) - len(changed),
        reordered=common != [one for one in after if one in before],
        added_rows=[fresh[one] for one in added[:limit]],
        removed_rows=[old[one] for one in removed[:limit]],
        changed_rows=[
            ChangedRow(example_id=one, fields=changed_fields(old[one], fresh[one]))
            for one in changed[:limit]
        ],
    )


def changed_fields(before: Example, after: Example) -> dict[str, tuple[Any, Any]]:
    """
    >>> one = Example(example_id="1", input="x")
    >>> changed_fields(one, Example(example_id="1", input="x", split="test"))
    {'split': (None, 'test')}
    """
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in _FIELDS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


_FIELDS = Example.__struct_fields__


def _rows(
    datasets: DatasetStore, project: str, ref: str, wanted: Iterable[str]
) -> dict[str, Example]:
    """Some rows by id: the version is read until all are found."""
    left = set(wanted)
    found: dict[str, Example] = {}
    if not left:
        return found
    for row in datasets.rows(project, ref):
        if row.example_id in left:
            found[row.example_id] = row
            left.discard(row.example_id)
            if not left:
                break
    return found
