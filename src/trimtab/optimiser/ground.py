"""What a search looks at: the present prompt, and rows to learn from and to choose on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.kit.hashing import digest
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.metric import Metrics
from trimtab.records import Example


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """The test split is not among it."""

    baseline: Candidate
    train: Sequence[Example]
    dev: Sequence[Example]
    metrics: Metrics
    seed: int = 0

    def drawn(self, rows: Sequence[Example], *by: object) -> list[Example]:
        """Rows in an order of chance, the same for the same seed and `by`."""
        return sorted(rows, key=lambda row: digest([self.seed, *by, row.example_id]))
