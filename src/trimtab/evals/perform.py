"""Running a cell: the engine over its rows, with a journal, an upload, and an end whatever comes.

A cell goes in, what came of it comes out: the record of the run, its results, and what there is to
say about them. Cancelling ends the run as interrupted, with everything that was answered kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from trimtab.errors import NotDurable, TrimtabError
from trimtab.evals.assemble import Cell
from trimtab.evals.options import Options, Site
from trimtab.evals.upload import Upload
from trimtab.experiments import journal as journals
from trimtab.experiments.costs import total_cost
from trimtab.experiments.engine import Engine, Key
from trimtab.experiments.execute import concluded
from trimtab.experiments.journal import Contents, Journal
from trimtab.experiments.judging import is_failed
from trimtab.experiments.spending import Spending
from trimtab.kit.clock import SystemClock
from trimtab.records import Example, Result, Run

_CLOCK = SystemClock()
INTERRUPTED = "interrupted"


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    """A run that came to an end, of whatever kind.

    `notes` are sentences for people. `kept` is the journal that is still needed, None where the
    server has everything; `over_budget` says that money was over before the cases were, `broken`
    that something every case needs was gone.
    """

    run: Run
    results: Sequence[Result]
    examples: Sequence[Example]
    notes: Sequence[str] = ()
    kept: Path | None = None
    interrupted: bool = False
    over_budget: bool = False
    broken: bool = False


class Watching(msgspec.Struct):
    """What whoever shows progress looks at: the cell that runs now, and its engine."""

    run: Run | None = None
    engine: Engine | None = None


class _Sink:
    """Results to the journal, to the upload, and into memory, in this order."""

    waits = False

    def __init__(self, journal: Journal | None, upload: Upload | None) -> None:
        self.results: dict[Key, Result] = {}
        self._journal = journal
        self._upload = upload

    def answered(self, result: Result) -> None:
        if self._journal is not None:
            self._journal.answered(result)

    def finished(self, result: Result) -> None:
        if self._journal is not None:
            self._journal.finished(result)
        if self._upload is not None:
            self._upload.add(result)
        self.results[result.key] = result

    async def settled(self, result: Result) -> None:
        """Nothing is waited for."""


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run begins: anew, or where an earlier attempt stopped."""

    run: Run
    journal: Journal | None
    results: Mapping[Key, Result] = {}
    answers: Mapping[Key, Result] = {}
    unsent: Sequence[Result] = ()
    notes: Sequence[str] = ()


async def perform(
    cell: Cell,
    options: Options,
    site: Site,
    *,
    decide: Callable[[Run, Sequence[Result]], Run] | None = None,
    earlier: tuple[Run, Sequence[Result]] | None = None,
    baselines: Mapping[str, Any] | None = None,
    watching: Watching | None = None,
) -> Performed:
    """Run a cell to its end.

    Args:
        decide: puts the verdict on the record, once all results are there.
        earlier: a finished run of the same cell, of which only failed and unscored cases are done
            again.
        baselines: answers that others are compared with, by example.
    Raises:
        NotDurable: results cannot be written.
        Conflict: another process is at this run.
    """
    start = await asyncio.to_thread(_started, cell, options, site, earlier)
    upload = None
    if site.client is not None:
        rows = () if cell.rows.stored else cell.rows.examples
        upload = Upload(site.client, start.run, rows)
    sink = _Sink(start.journal, upload)
    sink.results.update(start.results)
    engine = Engine(
        cell.answer,
        cell.scorers,
        sink,
        run=start.run.run_id,
        project=start.run.project,
        bounds=cell.bounds,
        baselines=baselines,
        broken=cell.broken,
    )
    if watching is not None:
        watching.run, watching.engine = start.run, engine
    interrupted, broken = False, None
    try:
        if upload is not None:
            await upload.open()
            for result in start.unsent:
                upload.add(result)
        await engine.go(cell.rows.examples, results=start.results, answers=start.answers)
    except asyncio.CancelledError:
        interrupted = True
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    except BaseException as error:
        if not isinstance(error, TrimtabError) or error is not cell.broken():
            _let_go(start.journal)
            raise
        broken = error
    finally:
        await cell.closed()
    stopped = INTERRUPTED if interrupted else None if broken is None else f"stopped: {broken}"
    return await _ended(cell, start, engine, sink, upload, decide, stopped=stopped)


async def _ended(
    cell: Cell,
    start: _Start,
    engine: Engine,
    sink: _Sink,
    upload: Upload | None,
    decide: Callable[[Run, Sequence[Result]], Run] | None,
    *,
    stopped: str | None,
) -> Performed:
    results = _in_order(cell, sink.results)
    over_budget = engine.spending.exhausted
    notes = [*start.notes]
    why = _spent_out(engine.spending) if over_budget else stopped
    if why is not None:
        run = _stopped(start.run, results, cell.rows.examples, why)
    else:
        run = await asyncio.to_thread(concluded, start.run, results, cell.rows.examples, _CLOCK)
        if decide is not None and run.status == "done":
            run = await asyncio.to_thread(decide, run, results)
    if engine.spending.limited and engine.spending.unpriced:
        unpriced = engine.spending.unpriced
        notes.append(f"{unpriced} answers, or their judges, are unpriced and not in the budget")
    sent = False
    if upload is not None:
        sent = await upload.end(run)
        run = msgspec.structs.replace(run, dataset=upload.run.dataset)
        if not sent:
            notes.append(f"the server does not have this run: {upload.fault}")
        elif upload.unstored is not None:
            notes.append(
                "the server does not have the rows of this run, so `trimtab compare` does not know"
                f" their clusters: {upload.unstored}"
            )
    keep = start.journal is not None and (why is not None or not sent)
    if start.journal is not None:
        finish = start.journal.close if keep else start.journal.remove
        await asyncio.to_thread(finish)
    if keep and start.journal is not None and (upload is not None or why is not None):
        what = "carries on" if why is not None else "sends it"
        notes.append(f"its results are in {start.journal.path}; --resume {what}")
    return Performed(
        run=run,
        results=results,
        examples=cell.rows.examples,
        notes=notes,
        kept=start.journal.path if keep and start.journal is not None else None,
        interrupted=stopped == INTERRUPTED,
        over_budget=over_budget,
        broken=stopped not in (None, INTERRUPTED),
    )


def _spent_out(spending: Spending) -> str:
    """Why a run with a limit on what it costs ended early."""
    if not spending.unbounded:
        return "stopped by its budget"
    return (
        "stopped, for a judge has no price, and nothing would bound what it costs: give it one in"
        " the configuration, or leave the limit out"
    )


def _let_go(journal: Journal | None) -> None:
    """Close the journal; the error that ended the run is the one to be seen."""
    if journal is not None:
        with suppress(NotDurable):
            journal.close()


def _in_order(cell: Cell, results: Mapping[Key, Result]) -> list[Result]:
    """Results in the order of rows and repeats."""
    keys = (
        (example.example_id, repeat)
        for example in cell.rows.examples
        for repeat in range(cell.bounds.repeats)
    )
    return [results[key] for key in keys if key in results]


def _stopped(run: Run, results: Sequence[Result], examples: Sequence[Example], why: str) -> Run:
    """The record of a run that did not get to all cases: its numbers are over those it did."""
    reached = {result.example_id for result in results}
    part = [example for example in examples if example.example_id in reached]
    ended = concluded(run, results, part, _CLOCK)
    cost_usd = total_cost(results)
    return msgspec.structs.replace(ended, status="interrupted", error=why, cost_usd=cost_usd)


# -- where it begins -------------------------------------------------------------------------------


def _started(
    cell: Cell, options: Options, site: Site, earlier: tuple[Run, Sequence[Result]] | None
) -> _Start:
    if earlier is not None:
        return _again(cell, site, earlier)
    folder = site.journals
    if folder is None:
        return _Start(run=cell.run, journal=None)
    if options.resume:
        left = _left(folder, cell.run)
        if left is not None:
            journal, contents = Journal.reopen(left)
            return _resumed(cell, journal, contents)
    return _Start(run=cell.run, journal=Journal.begin(folder, cell.run))


def _left(folder: Path, run: Run) -> Path | None:
    """The newest journal of an earlier attempt at the same cell."""
    paths = sorted(folder.glob(f"*{journals.SUFFIX}"), reverse=True) if folder.is_dir() else []
    return next(
        (path for path in paths if (head := journals.head(path)) and is_same(head, run)), None
    )


def left_of(run: Run, site: Site) -> Run | None:
    """The run that resuming a cell carries on with, None where it begins anew."""
    path = None if site.journals is None else _left(site.journals, run)
    return None if path is None else journals.head(path)


def is_same(one: Run, other: Run) -> bool:
    """Whether two runs are attempts at the same: task, rows, scorers, repeats and seed."""
    return _identity(one) == _identity(other)


def _identity(run: Run) -> tuple[Any, ...]:
    scorers = tuple((scorer.name, scorer.digest) for scorer in run.scorers)
    about = (run.suite, run.suite_digest, run.task_digest, run.dataset_digest, run.split)
    return (*about, scorers, tuple(sorted(run.variant.items())), run.repeats, run.seed)


def _resumed(cell: Cell, journal: Journal, contents: Contents) -> _Start:
    rows = {example.example_id for example in cell.rows.examples}
    results = {key: result for key, result in contents.results.items() if key[0] in rows}
    answers = {key: result for key, result in contents.answers.items() if key[0] in rows}
    notes = [f"resumed: {len(results)} of {cell.run.total} results were there"]
    if contents.damaged:
        notes.append(f"{contents.damaged} lines of its journal cannot be read and are done again")
    return _Start(
        run=contents.run,
        journal=journal,
        results=results,
        answers=answers,
        unsent=list(results.values()),
        notes=notes,
    )


def _again(cell: Cell, site: Site, earlier: tuple[Run, Sequence[Result]]) -> _Start:
    """A finished run whose failed and unscored cases are done again."""
    before, found = earlier
    results = {result.key: result for result in found if not is_failed(result)}
    answers = {
        result.key: msgspec.structs.replace(result, scores=())
        for result in found
        if is_failed(result) and result.error is None
    }
    fields = {"status": "running", "error": None, "ended_ns": None, "verdict": None}
    run = msgspec.structs.replace(before, total=cell.run.total, **fields)
    journal = None if site.journals is None else Journal.begin(site.journals, run)
    if journal is not None:
        for result in results.values():
            journal.finished(result)
        for answer in answers.values():
            journal.answered(answer)
    note = f"{cell.run.total - len(results)} of {cell.run.total} cases are done again"
    return _Start(run=run, journal=journal, results=results, answers=answers, notes=[note])
