"""How far an evaluation is: what is answered, what failed, what was spent, how fast."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from trimtab.cli.progress import Sight, progress

if TYPE_CHECKING:
    from trimtab.evals.perform import Watching

_STEPS = 10


def watched(watching: Watching) -> AbstractContextManager[None]:
    """Show the runs of an evaluation while the block runs; a log gets a line for each tenth."""
    return progress(_Shown(watching))


class _Shown:
    """The run that is under way, and since when it was seen."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching
        self._run_id = ""
        self._started_s = 0.0
        self._before = 0

    def __call__(self) -> Sight | None:
        run, engine = self._watching.run, self._watching.engine
        if run is None or engine is None:
            return None
        tally = engine.tally
        if run.run_id != self._run_id:
            self._run_id, self._started_s, self._before = run.run_id, time.monotonic(), tally.done
        rate = (tally.done - self._before) / max(time.monotonic() - self._started_s, 1e-3)
        line = f"{run.name} {tally.done}/{tally.total}"
        line += f", {tally.failed} failed" if tally.failed else ""
        line += f", {tally.cached} kept" if tally.cached else ""
        line += f", ${engine.spending.spent_usd:.4f}" if engine.spending.spent_usd else ""
        line += f", {rate:.1f}/s"
        if engine.pace.refusals:
            line += f", {int(engine.pace.limit)} at once after {engine.pace.refusals} refusals"
        return Sight(line, (run.run_id, tally.done * _STEPS // max(tally.total, 1)))
