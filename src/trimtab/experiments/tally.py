"""Tally: how far a run is, in numbers of cases."""

from __future__ import annotations

import msgspec

from trimtab.records import Result


class Tally(msgspec.Struct):
    """How far a run is; read it at any time. `failed` counts cases that the task failed on."""

    total: int
    done: int = 0
    failed: int = 0
    unscored: int = 0
    cached: int = 0
    reused: int = 0

    def count(self, result: Result) -> None:
        """A case that is done."""
        self.done += 1
        if result.error is not None:
            self.failed += 1
        if result.cached:
            self.cached += 1
        for score in result.scores:
            if score.status != "scored":
                self.unscored += 1
                break
