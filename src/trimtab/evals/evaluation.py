"""One evaluation: the cells of a suite, each with its baseline, its run and its verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.evals.assemble import Cell, cells_of
from trimtab.evals.baselines import Base, base_of, results_of, unchanged
from trimtab.evals.files import Declared
from trimtab.evals.options import Given, Options, Site
from trimtab.evals.perform import Performed, Watching, is_same, perform
from trimtab.evals.preview import forecast
from trimtab.experiments.replies import Replies
from trimtab.experiments.reports.view import View
from trimtab.experiments.suite import SuiteGate
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
        changed_only: leave out cells that a finished run has done exactly.
        say: gets sentences for people.
    Raises:
        TrimtabError: something the suite names is wrong, or results cannot be written.
    """
    outcomes = []
    with Replies(site.replies, options.mode) as replies:
        cells = await cells_of(declared, options, site, replies, given)
        for cell in cells:
            if changed_only and site.client is not None:
                same = await asyncio.to_thread(unchanged, cell.run, site.client)
                if same is not None:
                    say(f"{cell.run.name}: unchanged since run {same.run_id}")
                    await cell.closed()
                    continue
            outcome = await _evaluate_cell(cell, options, site, replies, given, base, say, watching)
            outcomes.append(outcome)
            if outcome.performed.interrupted or outcome.performed.over_budget:
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
    if base is None:
        base = await _base(cell, options, site, replies, given, say, watching)
    cards = await asyncio.to_thread(_cards, cell, site.client)
    unproven = _unproven(cell.run, cards)
    gate = _gate(cell, options)

    def decided(run: Run, results: Sequence[Result]) -> Run:
        from trimtab.experiments.decision import Measured, decide

        compared = None
        if base is not None and base.run is not None:
            compared = Measured(base.run, base.results)
        verdict = decide(
            Measured(run, results),
            cell.rows.examples,
            gate,
            baseline=compared,
            slices=cell.declared.suite.slices,
            uncalibrated=() if options.allow_uncalibrated else unproven,
        )
        return msgspec.structs.replace(run, verdict=verdict)

    earlier = None
    if options.rerun_failed and site.client is not None:
        earlier = await asyncio.to_thread(_newest_of_same, cell.run, site.client)
        if earlier is None:
            say(f"{cell.run.name}: no finished run to repeat the failed cases of; all are run")
    say(await asyncio.to_thread(forecast, cell, site.client))
    performed = await perform(
        cell,
        options,
        site,
        decide=decided,
        earlier=earlier,
        baselines=_answers(base),
        watching=watching,
    )
    notes = list(performed.notes)
    if cell.rows.note:
        notes.insert(0, f"over {cell.rows.note}")
    if unproven and not options.allow_uncalibrated:
        notes.append(
            f"{', '.join(unproven)}: reported, does not gate: no calibration card;"
            " measure one, or say --allow-uncalibrated"
        )
    notes += _kin(cell, performed.results)
    return Outcome(
        declared=cell.declared,
        performed=msgspec.structs.replace(performed, notes=notes),
        baseline=base,
        cards=cards,
        url=site.url,
    )


async def _base(
    cell: Cell,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given | None,
    say: Say,
    watching: Watching | None,
) -> Base | None:
    """The baseline by name; a release is run now, over the same rows."""
    name = options.baseline or cell.declared.suite.baseline
    if name is None:
        return None
    if site.client is None:
        raise InvalidRequest(
            "a baseline by name is on a server, and none is named",
            where="baseline",
            fix="give `url`, or an Evaluation as the baseline",
        )
    found = await asyncio.to_thread(base_of, name, cell.run, site.client)
    if found is None:
        say(f"{cell.run.name}: no earlier run to compare with; this one is the first")
    if found is None or found.release is None:
        return found
    cells = await cells_of(cell.declared, options, site, replies, given, task=found.release)
    same = await asyncio.to_thread(unchanged, cells[0].run, site.client)
    if same is not None:
        say(f"baseline {cells[0].run.task}: as in run {same.run_id}")
        await cells[0].closed()
        return Base(same, await asyncio.to_thread(results_of, same.run_id, site.client))
    say(f"the baseline is run first: {await asyncio.to_thread(forecast, cells[0], site.client)}")
    performed = await perform(cells[0], options, site, watching=watching)
    if performed.interrupted:
        raise KeyboardInterrupt
    if performed.run.status != "done":
        raise TrimtabError(
            f"the baseline is {performed.run.status}: {performed.run.error}",
            where="baseline",
            fix="see its results, then run it again",
        )
    return Base(performed.run, performed.results)


def _unproven(run: Run, cards: Mapping[str, CalibrationCard]) -> list[str]:
    """The judges of a run that nobody has measured."""
    if all(scorer.tier != "judge" for scorer in run.scorers):
        return []
    from trimtab.experiments.calibration import uncalibrated

    return uncalibrated(run, cards)


def _kin(cell: Cell, results: Sequence[Result]) -> list[str]:
    """A warning for each judge that is of the family of what it judges."""
    if all(scorer.tier != "judge" for scorer in cell.run.scorers):
        return []
    from trimtab.scorers.judges.families import kinship
    from trimtab.scorers.judges.jury import models_of

    judges = [model for scorer in cell.scorers for model in models_of(scorer)]
    candidates = {result.model for result in results} | {*cell.models}
    return kinship(judges, [model for model in candidates if model])


def _gate(cell: Cell, options: Options) -> SuiteGate:
    gate = cell.declared.suite.gate
    return msgspec.structs.replace(gate, rules=options.rules) if options.rules else gate


def _answers(base: Base | None) -> dict[str, Any]:
    """The baseline's answers by example, for scorers that compare two."""
    if base is None:
        return {}
    return {
        result.example_id: result.output
        for result in base.results
        if result.repeat == 0 and result.error is None
    }


def _newest_of_same(run: Run, client: Client) -> tuple[Run, Sequence[Result]] | None:
    found = client.get("/api/v1/runs", {"limit": 1000, "suite": run.suite})["data"]
    for other in msgspec.convert(found, list[Run]):
        if other.status != "running" and is_same(other, run):
            return other, results_of(other.run_id, client)
    return None


def _cards(cell: Cell, client: Client | None) -> dict[str, CalibrationCard]:
    """The calibration cards of the judges of a cell, by digest."""
    judges = [scorer for scorer in cell.run.scorers if scorer.tier == "judge"]
    if client is None or not judges:
        return {}
    try:
        found = client.get(api_path("cards"))["data"]
    except (NotFound, TrimtabError):
        return {}
    cards = msgspec.convert(found, list[CalibrationCard])
    digests = {scorer.digest for scorer in judges}
    return {card.digest: card for card in reversed(cards) if card.digest in digests}
