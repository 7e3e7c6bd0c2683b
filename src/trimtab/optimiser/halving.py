"""Successive halving: many candidates on few rows, the better half on more, the best on all.

Candidates and rows go in, the one that did best against the incumbent on the same rows comes out,
or the incumbent (Jamieson and Talwalkar 2016). Nothing is proved here: it only chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from trimtab.optimiser.budget import Budget, Exhausted
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.metric import Metrics
from trimtab.optimiser.result import Tried
from trimtab.optimiser.trial import Trying
from trimtab.records import Example

FIRST_ROWS = 30


class Halved(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the better one, or the one that was to be beaten, and how each did.

    `exhausted` says that the budget ended it, `lacking` that it sufficed for a part of them only.
    """

    winner: Candidate
    tried: Sequence[Tried]
    exhausted: bool = False
    lacking: bool = False


async def halve(
    trying: Trying,
    incumbent: Candidate,
    candidates: Sequence[Candidate],
    rows: Sequence[Example],
    metrics: Metrics,
    budget: Budget,
    *,
    calls_per_row: float = 1,
    say: Callable[[str], None] = lambda _: None,
) -> Halved:
    """The best of the candidates if it did better than the incumbent on all rows, else that.

    Args:
        rows: in an order of their own for each job; the first are looked at first.
        calls_per_row: that one row of one candidate takes at most.
    Returns:
        The incumbent too where the budget was spent before a candidate had seen all rows.
    """
    table: dict[str, Tried] = {}
    alive = list(candidates)
    sizes = rungs(len(rows))
    alive = _affordable(trying, incumbent, alive, rows, sizes, budget, calls_per_row, table)
    lacking = len(alive) < len(candidates)
    if lacking and not alive:
        return Halved(winner=incumbent, tried=_in_order(candidates, table), exhausted=True)
    try:
        for size in sizes:
            if not alive:
                break
            part = rows[:size]
            say(f"{len(alive)} candidates on {size} rows")
            alive = await _rung(trying, incumbent, alive, part, metrics, table, size == len(rows))
    except Exhausted:
        for one in alive:
            _note(table, one, "the budget was spent before it was tried on all rows")
        return Halved(winner=incumbent, tried=_in_order(candidates, table), exhausted=True)
    winner = alive[0] if alive else incumbent
    return Halved(winner=winner, tried=_in_order(candidates, table), lacking=lacking)


def rungs(rows: int) -> list[int]:
    """How many rows are looked at, one step after the other.

    >>> rungs(20), rungs(50), rungs(150)
    ([20], [30, 50], [30, 60, 120, 150])
    """
    sizes, size = [], FIRST_ROWS
    while size < rows:
        sizes.append(size)
        size *= 2
    return [*sizes, rows]


async def _rung(
    trying: Trying,
    incumbent: Candidate,
    alive: Sequence[Candidate],
    rows: Sequence[Example],
    metrics: Metrics,
    table: dict[str, Tried],
    last: bool,
) -> list[Candidate]:
    """The candidates that go on, the best first; of the last step the winner alone, or none."""
    before = await trying.on(incumbent, rows)
    scored: list[tuple[float, Candidate]] = []
    for one in alive:
        after = await trying.on(one, rows)
        gain = metrics.first.gain(before, after)
        table[one.digest] = Tried(
            digest=one.digest,
            kind=one.kind,
            words=one.words,
            rows=len(rows),
            score=metrics.first.mean(after),
            before=metrics.first.mean(before),
        )
        worse = next(
            (
                other.name
                for other in metrics.others
                if other.gain(before, after) < -other.goal.margin
            ),
            None,
        )
        if worse is not None:
            _note(table, one, f"{worse} got worse")
            continue
        scored.append((gain, one))
    scored.sort(key=lambda pair: -pair[0])  # stable: of equals the first stays first
    keep = [one for gain, one in scored if gain > 0][:1] if last else _half(scored)
    for _, one in scored:
        if one in keep:
            _note(table, one, "best on all rows" if last else "")
        else:
            _note(table, one, "not the best on all rows" if last else f"out after {len(rows)} rows")
    return keep


def _half(scored: Sequence[tuple[float, Candidate]]) -> list[Candidate]:
    return [one for _, one in scored[: (len(scored) + 1) // 2]]


def _affordable(
    trying: Trying,
    incumbent: Candidate,
    candidates: Sequence[Candidate],
    rows: Sequence[Example],
    sizes: Sequence[int],
    budget: Budget,
    calls_per_row: float,
    table: dict[str, Tried],
) -> list[Candidate]:
    """As many candidates as the calls suffice for, the first of them; known ones cost nothing."""
    room = budget.room
    if room is None:
        return list(candidates)
    own = len(rows) - trying.known(incumbent, rows)
    paid = [one for one in candidates if trying.known(one, rows) < len(rows)]
    count = len(paid)
    while count and calls_per_row * (own + _rows_needed(count, sizes)) > room:
        count -= 1
    left_out = {one.digest for one in paid[count:]}
    for one in paid[count:]:
        table[one.digest] = Tried(
            digest=one.digest, kind=one.kind, words=one.words, fate="no calls were left for it"
        )
    return [one for one in candidates if one.digest not in left_out]


def _rows_needed(count: int, sizes: Sequence[int]) -> int:
    """Rows that so many candidates are answered on in all, at each step half of them.

    >>> _rows_needed(4, [30, 60, 100])
    220
    """
    needed, before = 0, 0
    for size in sizes:
        needed += count * (size - before)
        before, count = size, (count + 1) // 2
    return needed


def _note(table: dict[str, Tried], one: Candidate, fate: str) -> None:
    found = table.get(one.digest) or Tried(digest=one.digest, kind=one.kind, words=one.words)
    table[one.digest] = msgspec.structs.replace(found, fate=fate)


def _in_order(candidates: Sequence[Candidate], table: dict[str, Tried]) -> list[Tried]:
    return [table[one.digest] for one in candidates if one.digest in table]
