"""One evaluation: the cells of a suite, each with its baseline, its run and its verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from trimtab.client import Client
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.evals.assemble import Cell, cells_of
from trimtab.evals.baselines import Base, base_of, results_of, unchanged
from trimtab.evals.files import Declared
from trimtab.evals.gating import gating
from trimtab.evals.options import Given, Options, Site
from trimtab.evals.perform import Performed, Watching, perform
from trimtab.evals.preview import forecast
from trimtab.evals.starting import is_same, left_of
from trimtab.experiments.judging import is_failed
from trimtab.experiments.replies import Replies
from trimtab.experiments.reports.view import View
from trimtab.records import CalibrationCard, Result, Run

if TYPE_CHECKING:
    from trimtab.experiments.slices import Sliced


Say = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one cell: how it ran and what it is compared with."""

    declared: Declared
    performed: Performed
    baseline: Base | None = None
    cards: Mapping[str, CalibrationCard] = {}
    url: str | None = None

    @property
    def run(self) -> Run:
        return self.performed.run

    def view(self) -> View:
        """Everything a report of it is made of."""
        verdict, base = self.run.verdict, self.baseline
        return View(
            run=self.run,
            results=self.performed.results,
            examples=self.performed.examples,
            baseline=None if base is None else base.run,
            baseline_results=() if base is None else base.results,
            comparisons=() if verdict is None else verdict.comparisons,
            slices=self._slices(),
            cards=self.cards,
            notes=self.performed.notes,
            url=self.url,
        )

    def _slices(self) -> Sequence[Sliced]:
        """What the suite wants to be looked at by groups."""
        suite = self.declared.suite
        if not suite.slices or not self.performed.results:
            return ()
        from trimtab.experiments.slices import sliced

        return sliced(
            suite.slices,
            self.performed.results,
            self.performed.examples,
            scorers=self.run.scorers,
            baseline=() if self.baseline is None else self.baseline.results,
            gate=suite.gate,
        )


async def evaluate_suite(
    declared: Declared,
    options: Options,
    site: Site,
    given: Given | None = None,
    *,
    base: Base | None = None,
    changed_only: bool = False,
    say: Say = lambda _: None,
    watching: Watching | None = None,
) -> list[Outcome]:
    """Run every cell of a suite, one after the other.

    Args:
        base: the baseline, where it is there already.
        changed_only: leave out cells that a finished run has done exactly, and passed; of one that
            failed there is the verdict again.
        say: gets sentences for people.
    Raises:
        TrimtabError: something the suite names is wrong, or results cannot be written.
    """
    outcomes = []
    with Replies(site.replies, options.mode) as replies:
        cells = await cells_of(declared, options, site, replies, given)
        for cell in cells:
            asked = (cell, options, site, replies, given, base, say, watching)
            outcome = await _as_before(*asked) if changed_only or options.resume else None
            if outcome is None:
                outcome = await _evaluate_cell(*asked)
            elif changed_only and _is_fine(outcome.run):
                continue
            outcomes.append(outcome)
            done = outcome.performed
            if done.interrupted or done.over_budget or done.broken:
                break
    return outcomes


async def _evaluate_cell(
    cell: Cell,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given | None,
    base: Base | None,
    say: Say,
    watching: Watching | None,
) -> Outcome:
    run, earlier = cell.run, None
    if options.rerun_failed and site.client is not None:
        earlier = await asyncio.to_thread(_newest_of_same, cell.run, site.client)
        if earlier is None:
            say(f"{cell.run.name}: no finished run to repeat the failed cases of; all are run")
        else:
            run = earlier[0]
    elif options.resume:
        left = await asyncio.to_thread(left_of, cell.run, site)
        run = left or cell.run
        if left is None:
            say(f"{cell.run.name}: there is no run to carry on with; one is begun")
    if base is None:
        base = await _base(cell, run, options, site, replies, given, say, watching)
    gate = await asyncio.to_thread(gating, cell, run, options, site.client, base)
    say(await asyncio.to_thread(forecast, cell, site.client))
    performed = await perform(
        cell,
        options,
        site,
        decide=gate.decided,
        earlier=earlier,
        baselines=gate.answers(),
        watching=watching,
    )
    notes = list(performed.notes)
    if cell.rows.note:
        notes.insert(0, f"over {cell.rows.note}")
    notes += gate.reported()
    notes += cell.notes
    notes += _kin(cell, performed.results)
    notes += gate.uncompared()
    notes += gate.thin(performed.run, performed.results)
    return Outcome(
        declared=cell.declared,
        performed=msgspec.structs.replace(performed, notes=notes),
        baseline=base,
        cards=gate.cards,
        url=site.address,
    )


async def _as_before(
    cell: Cell,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given | None,
    base: Base | None,
    say: Say,
    watching: Watching | None,
) -> Outcome | None:
    """What a finished run of exactly the same says under the gate of now.

    None where there is none, where an attempt is left to be carried on, or, unless that was asked
    for, where its evidence is not enough.
    """
    if site.client is None:
        return None
    if options.resume and await asyncio.to_thread(left_of, cell.run, site) is not None:
        return None
    same = await asyncio.to_thread(unchanged, cell.run, site.client)
    if same is None:
        return None
    if base is None:
        base = await _base(cell, same, options, site, replies, given, say, watching)
    results = await asyncio.to_thread(results_of, same.run_id, site.client)
    gate = await asyncio.to_thread(gating, cell, same, options, site.client, base)
    run = await asyncio.to_thread(gate.decided, same, results)
    found = None if run.verdict is None else run.verdict.outcome
    since = f"unchanged since run {same.run_id}"
    whole = len(results) >= same.total and not any(map(is_failed, results))
    lacking = found == "inconclusive" or (found is None and not whole)
    if lacking and not options.resume:
        why = "was inconclusive" if found else "has cases without a score"
        say(f"{cell.run.name}: {since}, which {why}: it is run again")
        return None
    said = f"{since}, which failed" if found == "fail" else since
    if options.resume:
        said = f"{said}: nothing is left to carry on with, and nothing is asked"
    say(f"{cell.run.name}: {said}")
    await cell.closed()
    return Outcome(
        declared=cell.declared,
        performed=Performed(run=run, results=results, examples=cell.rows.examples, notes=[said]),
        baseline=base,
        cards=gate.cards,
        url=site.address,
    )


def _is_fine(run: Run) -> bool:
    return run.verdict is None or run.verdict.outcome == "pass"


async def _base(
    cell: Cell,
    run: Run,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given | None,
    say: Say,
    watching: Watching | None,
) -> Base | None:
    """What a run is compared with, by name; a release is run now, over the same rows."""
    name = options.baseline or cell.declared.suite.baseline
    if name is None:
        return None
    if site.client is None:
        raise InvalidRequest(
            "a baseline by name is on a server, and none is named",
            where="baseline",
            fix="give `url`, or an Evaluation as the baseline",
        )
    found = await asyncio.to_thread(base_of, name, run, site.client)
    if found.words:
        say(f"{cell.run.name}: {found.words}")
    if found.release is None:
        return found
    cells = await cells_of(cell.declared, options, site, replies, given, task=found.release)
    own = _as_baseline(cells[0])
    same = await asyncio.to_thread(unchanged, own.run, site.client)
    if same is not None:
        say(f"baseline {own.run.task}: as in run {same.run_id}")
        await own.closed()
        return Base(same, await asyncio.to_thread(results_of, same.run_id, site.client))
    say(f"the baseline is run first: {await asyncio.to_thread(forecast, own, site.client)}")
    performed = await perform(own, options, site, watching=watching)
    if performed.interrupted:
        raise KeyboardInterrupt
    if performed.run.status != "done":
        raise TrimtabError(
            f"the baseline is {performed.run.status}: {performed.run.error}",
            where="baseline",
            fix="see its results, then run it again",
        )
    return Base(performed.run, performed.results)


def _as_baseline(cell: Cell) -> Cell:
    """Its run is no run of the suite for whoever looks for one: it has its release's name."""
    run = cell.run
    named = msgspec.structs.replace(run, name=run.release or run.name, role="baseline")
    return msgspec.structs.replace(cell, run=named)


def _kin(cell: Cell, results: Sequence[Result]) -> list[str]:
    """A warning for each judge that is of the family of what it judges."""
    if all(scorer.tier != "judge" for scorer in cell.run.scorers):
        return []
    from trimtab.scorers.judges.families import kinship
    from trimtab.scorers.judges.jury import models_of

    judges = [model for scorer in cell.scorers for model in models_of(scorer)]
    candidates = {result.model for result in results} | {*cell.models}
    return kinship(judges, [model for model in candidates if model])


def _newest_of_same(run: Run, client: Client) -> tuple[Run, Sequence[Result]] | None:
    found = client.get("/api/v1/runs", {"limit": 1000, "suite": run.suite})["data"]
    for other in msgspec.convert(found, list[Run]):
        is_over = other.status != "running" and other.role != "baseline"
        if is_over and is_same(other, run):
            return other, results_of(other.run_id, client)
    return None
