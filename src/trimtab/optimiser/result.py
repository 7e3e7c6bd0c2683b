"""What came of a job, as it is printed, reported and kept. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from trimtab.optimiser.caps import Caps, Taken
from trimtab.records import Comparison
from trimtab.records.run import Outcome

Kind = Literal["baseline", "static", "nearest", "instruction", "gepa"]
EXIT: Mapping[Outcome, int] = {"pass": 0, "fail": 1, "inconclusive": 3}


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that was tried, and how it did on the rows of the dev split.

    `score` and `before` are means of the first metric over the same `rows` rows, of the candidate
    and of what it was to beat. `fate` says what became of it.
    """

    digest: str
    kind: Kind
    words: str
    rows: int = 0
    score: float | None = None
    before: float | None = None
    fate: str = ""


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that was not tried, and why; it cost no call."""

    words: str
    why: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job.

    `promoted` says that the new version is proved better; `stored` is its name at the server, or
    the file it is in. `comparisons` are over the test split, and empty where that was not opened;
    `opened_before` counts other jobs of this folder that opened the same test split.
    """

    job: str
    prompt: str
    outcome: Outcome
    reasons: tuple[str, ...]
    promoted: bool
    finished: bool = True
    stored: str | None = None
    difference: str = ""
    comparisons: tuple[Comparison, ...] = ()
    rows: Mapping[str, int] = {}
    tried: tuple[Tried, ...] = ()
    discarded: tuple[Discarded, ...] = ()
    winner: str | None = None
    content: Mapping[str, Any] | None = None
    caps: Caps
    taken: Taken
    opened_before: int = 0
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 promoted, 1 proved no better, 3 the evidence is not enough."""
        return EXIT[self.outcome]
