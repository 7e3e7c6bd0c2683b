"""Where a run begins: anew, where an earlier attempt stopped, or with a finished run's failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from trimtab.evals.assemble import Cell
from trimtab.evals.options import Options, Site
from trimtab.experiments import journal as journals
from trimtab.experiments.costs import total_cost
from trimtab.experiments.journal import Contents, Journal
from trimtab.experiments.judging import is_failed
from trimtab.experiments.sink import Key
from trimtab.records import Result, Run

_NOTHING = Decimal(0)


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run begins: anew, or where an earlier attempt stopped.

    `paid_usd` is what was paid for the run and is in none of its results any more; None where
    nobody knows.
    """

    run: Run
    journal: Journal | None
    results: Mapping[Key, Result] = {}
    answers: Mapping[Key, Result] = {}
    unsent: Sequence[Result] = ()
    notes: Sequence[str] = ()
    paid_usd: Decimal | None = _NOTHING


def started(
    cell: Cell, options: Options, site: Site, earlier: tuple[Run, Sequence[Result]] | None
) -> Start:
    """Where a cell begins, with its journal open.

    Args:
        earlier: a finished run of which only failed and unscored cases are done again.
    """
    if earlier is not None:
        return again(cell, site, earlier)
    folder = site.journals
    if folder is None:
        return Start(run=cell.run, journal=None)
    if options.resume:
        left = _left(folder, cell.run)
        if left is not None:
            journal, contents = Journal.reopen(left)
            return _resumed(cell, journal, contents)
    return Start(run=cell.run, journal=Journal.begin(folder, cell.run))


def left_of(run: Run, site: Site) -> Run | None:
    """The run that resuming a cell carries on with, None where it begins anew."""
    path = None if site.journals is None else _left(site.journals, run)
    return None if path is None else journals.head(path)


def is_same(one: Run, other: Run) -> bool:
    """Whether two runs are attempts at the same: task, rows, scorers, repeats and seed."""
    return _identity(one) == _identity(other)


def _left(folder: Path, run: Run) -> Path | None:
    """The newest journal of an earlier attempt at the same cell."""
    paths = sorted(folder.glob(f"*{journals.SUFFIX}"), reverse=True) if folder.is_dir() else []
    return next(
        (path for path in paths if (head := journals.head(path)) and is_same(head, run)), None
    )


def _identity(run: Run) -> tuple[Any, ...]:
    scorers = tuple((scorer.name, scorer.digest) for scorer in run.scorers)
    about = (run.suite, run.suite_digest, run.task_digest, run.dataset_digest, run.split)
    return (*about, scorers, tuple(sorted(run.variant.items())), run.repeats, run.seed)


def _resumed(cell: Cell, journal: Journal, contents: Contents) -> Start:
    rows = {example.example_id for example in cell.rows.examples}
    results = {key: result for key, result in contents.results.items() if key[0] in rows}
    answers = {key: result for key, result in contents.answers.items() if key[0] in rows}
    notes = [f"resumed: {len(results)} of {cell.run.total} results were there"]
    if contents.damaged:
        notes.append(f"{contents.damaged} lines of its journal cannot be read and are done again")
    return Start(
        run=contents.run,
        journal=journal,
        results=results,
        answers=answers,
        unsent=list(results.values()),
        notes=notes,
        paid_usd=contents.run.cost_usd or _NOTHING,
    )


def again(cell: Cell, site: Site, earlier: tuple[Run, Sequence[Result]]) -> Start:
    """A finished run whose failed and unscored cases are done again."""
    before, found = earlier
    results = {result.key: result for result in found if not is_failed(result)}
    answers = {
        result.key: msgspec.structs.replace(result, scores=())
        for result in found
        if is_failed(result) and result.error is None
    }
    paid_usd = _paid(before, found, [*results.values(), *answers.values()])
    fields = {"status": "running", "error": None, "ended_ns": None, "verdict": None}
    # The journal keeps what is in no result, for whoever carries on with it.
    run = msgspec.structs.replace(before, total=cell.run.total, cost_usd=paid_usd, **fields)
    journal = None if site.journals is None else Journal.begin(site.journals, run)
    if journal is not None:
        for result in results.values():
            journal.finished(result)
        for answer in answers.values():
            journal.answered(answer)
    note = f"{cell.run.total - len(results)} of {cell.run.total} cases are done again"
    return Start(
        run=run,
        journal=journal,
        results=results,
        answers=answers,
        notes=[note],
        paid_usd=paid_usd,
    )


def _paid(before: Run, found: Sequence[Result], kept: Sequence[Result]) -> Decimal | None:
    """What a run cost beside what is kept of it; None where nobody knows."""
    whole = before.cost_usd if before.cost_usd is not None else total_cost(found)
    left = total_cost(kept)
    return None if whole is None or left is None else max(whole - left, _NOTHING)
