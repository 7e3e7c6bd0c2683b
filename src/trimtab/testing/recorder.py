"""What every recorder does, as tests: subclass and provide `recorder` and `recorded`.

`recorded` is called after the recorder was abandoned without being closed, as by a crash, and
returns the spans that a new process finds. `refusing` is a recorder that cannot write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from trimtab.errors import NotDurable
from trimtab.kit import ids
from trimtab.ports import Recorder
from trimtab.records import Span


def span(name: str) -> Span:
    return Span(trace_id=ids.trace_id(), span_id=ids.span_id(), name=name, start_ns=1, end_ns=2)


class RecorderContract:
    """Everything `ports.Recorder` promises."""

    def test_what_was_recorded_survives_a_crash(
        self, recorder: Callable[[], Recorder], recorded: Callable[[], Sequence[Span]]
    ) -> None:
        spans = [span(f"span {n}") for n in range(5)]

        async def record() -> None:
            made = recorder()
            await made.record(spans[:2])
            await made.record(spans[2:])

        asyncio.run(record())
        assert list(recorded()) == spans

    def test_many_at_once_are_all_kept(
        self, recorder: Callable[[], Recorder], recorded: Callable[[], Sequence[Span]]
    ) -> None:
        spans = [span(f"span {n}") for n in range(100)]

        async def record() -> None:
            made = recorder()
            await asyncio.gather(*(made.record([each]) for each in spans))

        asyncio.run(record())
        assert {each.span_id for each in recorded()} == {each.span_id for each in spans}

    def test_what_cannot_be_kept_is_an_error(self, refusing: Callable[[], Recorder]) -> None:
        async def record() -> None:
            await refusing().record([span("lost")])

        with pytest.raises(NotDurable):
            asyncio.run(record())
