"""That each row of a dataset has an id of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from trimtab.errors import Conflict
from trimtab.stores.metadata.census import id_hash
from trimtab.stores.metadata.contents import StoredRow, example

_SHOWN = 5


def require_own_ids(rows: Iterable[StoredRow], suspects: Collection[int]) -> None:
    """Look again at rows whose ids have hashes that came more than once.

    Raises:
        Conflict: an id is used twice; says in which rows, counted from 1.
    """
    places: dict[str, list[int]] = {}
    for position, row in enumerate(rows, start=1):
        one = example(row.line)
        if id_hash(one) in suspects:
            places.setdefault(one.example_id, []).append(position)
    for example_id, found in places.items():
        if len(found) > 1:
            raise _repeated(example_id, found)


def _repeated(example_id: str, rows: Sequence[int]) -> Conflict:
    shown = ", ".join(map(str, rows[:_SHOWN])) + (" ..." if len(rows) > _SHOWN else "")
    return Conflict(
        f"the example_id {example_id!r} is used {len(rows)} times, in the rows {shown}",
        where="examples",
        fix="give each row of a dataset an example_id of its own",
        example_id=example_id,
        rows=[*rows[:_SHOWN]],
    )
