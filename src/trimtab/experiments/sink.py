"""Sink: where the results of a run go, one by one."""

from __future__ import annotations

from typing import Protocol

from trimtab.records import Result

Key = tuple[str, int]
"""A case of a run: the id of its example, and the number of the repeat."""


class Sink(Protocol):
    """Where results go. What it raises ends the run: an answer that is paid for must be kept."""

    waits: bool

    def answered(self, result: Result) -> None:
        """An answer whose scores are still to come, and may take a while."""
        ...

    def finished(self, result: Result) -> None:
        """An answer with its scores."""
        ...

    async def settled(self, result: Result) -> None:
        """Wait until a worker may take its next case; `waits` says whether this is called."""
        ...
