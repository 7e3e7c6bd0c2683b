"""Running a cell: the engine over its rows, with a journal, an upload, and an end whatever comes.

A cell goes in, what came of it comes out: the record of the run, its results, and what there is to
say about them. Cancelling ends the run as interrupted, with everything that was answered kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from trimtab.errors import NotDurable, TrimtabError
from trimtab.evals.assemble import Cell
from trimtab.evals.options import Options, Site
from trimtab.evals.starting import Start, started
from trimtab.evals.upload import Upload
from trimtab.experiments.costs import cost_of, total_cost
from trimtab.experiments.engine import Engine
from trimtab.experiments.execute import concluded
from trimtab.experiments.journal import Journal
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
    """Results to the journal, to the upload, and into memory, in this order.

    Args:
        kept: results that an earlier attempt has.
    """

    waits = False

    def __init__(
        self, journal: Journal | None, upload: Upload | None, kept: Iterable[Result], repeats: int
    ) -> None:
        self._journal = journal
        self._upload = upload
        # A dictionary for each repeat: a hundred thousand keys need no tuples then.
        self._results: list[dict[str, Result]] = [{} for _ in range(repeats)]
        for result in kept:
            self._results[result.repeat][result.example_id] = result

    def answered(self, result: Result) -> None:
        if self._journal is not None:
            self._journal.answered(result)

    def finished(self, result: Result) -> None:
        if self._journal is not None:
            self._journal.finished(result)
        if self._upload is not None:
            self._upload.add(result)
        self._results[result.repeat][result.example_id] = result

    async def settled(self, result: Result) -> None:
        """Nothing is waited for."""

    def taken(self, examples: Sequence[Example]) -> list[Result]:
        """Results in the order of rows and repeats; the sink has none any more."""
        found = [
            results[example.example_id]
            for example in examples
            for results in self._results
            if example.example_id in results
        ]
        self._results.clear()
        return found


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
    start = await asyncio.to_thread(started, cell, options, site, earlier)
    upload = None
    if site.client is not None:
        rows = () if cell.rows.stored else cell.rows.examples
        upload = Upload(site.client, start.run, rows)
    repeats = cell.bounds.repeats
    kept = (result for result in start.results.values() if result.repeat < repeats)
    sink = _Sink(start.journal, upload, kept, repeats)
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
    if engine.spending.limited:
        earlier_cases = chain(start.results.values(), start.answers.values())
        engine.spending.carry_on(start.paid_usd or Decimal(0), map(cost_of, earlier_cases))
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
    start: Start,
    engine: Engine,
    sink: _Sink,
    upload: Upload | None,
    decide: Callable[[Run, Sequence[Result]], Run] | None,
    *,
    stopped: str | None,
) -> Performed:
    results = sink.taken(cell.rows.examples)
    over_budget = engine.spending.exhausted
    notes = [*start.notes]
    why = _spent_out(engine.spending) if over_budget else stopped
    if why is not None:
        run = _with_earlier(_stopped(start.run, results, cell.rows.examples, why), results, start)
    else:
        run = await asyncio.to_thread(concluded, start.run, results, cell.rows.examples, _CLOCK)
        run = _with_earlier(run, results, start)
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


def _with_earlier(run: Run, results: Sequence[Result], start: Start) -> Run:
    """A run that cost what was paid for it before as well."""
    if start.paid_usd == 0:
        return run
    now = total_cost(results)
    known = None if now is None or start.paid_usd is None else now + start.paid_usd
    return msgspec.structs.replace(run, cost_usd=known)


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


def _stopped(run: Run, results: Sequence[Result], examples: Sequence[Example], why: str) -> Run:
    """The record of a run that did not get to all cases: its numbers are over those it did."""
    reached = {result.example_id for result in results}
    part = [example for example in examples if example.example_id in reached]
    ended = concluded(run, results, part, _CLOCK)
    cost_usd = total_cost(results)
    return msgspec.structs.replace(ended, status="interrupted", error=why, cost_usd=cost_usd)
