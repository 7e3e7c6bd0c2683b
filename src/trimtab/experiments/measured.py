"""What is decided on and what is said of it: a run with its results, and outcomes in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trimtab.records import Result, Run
from trimtab.records.run import Outcome


class Measured(NamedTuple):
    """A run and what it is made of."""

    run: Run
    results: Sequence[Result]


class Said(NamedTuple):
    """One thing that gates, in a word and a sentence."""

    outcome: Outcome
    reason: str
