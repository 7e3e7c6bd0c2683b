"""What decides on a cell: its gate, what it is compared with, and judges that may not gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import NotFound, TrimtabError
from trimtab.evals.assemble import Cell
from trimtab.evals.baselines import Base, require_comparable
from trimtab.evals.options import Options
from trimtab.experiments.suite import SuiteGate
from trimtab.records import CalibrationCard, Result, Run


class Gating(msgspec.Struct, frozen=True, kw_only=True):
    """The gate of a cell, ready to decide; `unproven` are judges that may not gate, and why."""

    cell: Cell
    gate: SuiteGate
    base: Base | None
    cards: Mapping[str, CalibrationCard]
    unproven: Mapping[str, str]
    lenient: bool

    def decided(self, run: Run, results: Sequence[Result]) -> Run:
        """The run with its verdict."""
        from trimtab.experiments.decision import Measured, decide

        compared = None
        if self.base is not None and self.base.run is not None:
            compared = Measured(self.base.run, self.base.results)
        verdict = decide(
            Measured(run, results),
            self.cell.rows.examples,
            self.gate,
            baseline=compared,
            slices=self.cell.declared.suite.slices,
            uncalibrated=() if self.lenient else self.unproven,
        )
        return msgspec.structs.replace(run, verdict=verdict)

    def reported(self) -> list[str]:
        """What to say of judges that do not gate."""
        if self.lenient:
            return []
        return [
            f"{name}: reported, does not gate: {why}; calibrate it, or say --allow-uncalibrated"
            for name, why in self.unproven.items()
        ]

    def uncompared(self) -> list[str]:
        """What to say of rules that had nothing to compare with."""
        from trimtab.experiments.decision import uncompared

        return uncompared(self.gate, baseline=self.base is not None and self.base.run is not None)

    def thin(self, run: Run, results: Sequence[Result]) -> list[str]:
        """What to say of metrics that do not gate and lack scores; a verdict says it itself."""
        from trimtab.experiments.decision import Measured, thin

        if run.verdict is not None or run.status != "done":
            return []
        return thin(Measured(run, results), self.cell.rows.examples, self.gate)

    def answers(self) -> dict[str, Any]:
        """The baseline's answers by example, for scorers that compare two."""
        if self.base is None:
            return {}
        return {
            result.example_id: result.output
            for result in self.base.results
            if result.repeat == 0 and result.error is None
        }


def gating(
    cell: Cell, run: Run, options: Options, client: Client | None, base: Base | None
) -> Gating:
    """The gate of a cell.

    Args:
        run: the one that it decides on.
    Raises:
        Conflict: the run is its own baseline, or cannot be compared with it.
    """
    if base is not None and base.run is not None:
        require_comparable(run, base.run)
    gate = cell.declared.suite.gate
    if options.rules:
        gate = msgspec.structs.replace(gate, rules=options.rules)
    cards = _cards(cell, client)
    return Gating(
        cell=cell,
        gate=gate,
        base=base,
        cards=cards,
        unproven=_unproven(cell.run, cards),
        lenient=options.allow_uncalibrated,
    )


def _unproven(run: Run, cards: Mapping[str, CalibrationCard]) -> Mapping[str, str]:
    """The judges of a run that may not gate: nobody has measured them, or they were no good."""
    if all(scorer.tier != "judge" for scorer in run.scorers):
        return {}
    from trimtab.experiments.calibration import uncalibrated

    return uncalibrated(run, cards)


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
