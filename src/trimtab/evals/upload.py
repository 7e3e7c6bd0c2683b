"""Sending a run to the server while it goes: its rows, opened, results in batches, ended.

A batch counts as sent when the server has acknowledged it, which it does when it is durable. A
server that goes away does not stop a run: its journal stays, and says how to send it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import StoreError, TooLarge, TrimtabError
from trimtab.evals.storing import store_rows
from trimtab.experiments.answers import too_large
from trimtab.experiments.external import RunEnd, RunOpening
from trimtab.experiments.silence import BEAT_S
from trimtab.records import Example, Result, Run

_BATCH = 500
_EVERY_S = 0.25
_MAX_BATCH_BYTES = 4 << 20


class Upload:
    """One run on its way to a server. Belongs to one event loop.

    `fault` is why the server could not take it, None while it does. `run` is the run as the server
    knows it, with the dataset that its rows are in there; `unstored` is why they are in none.

    Args:
        rows: those of the run, to be stored before it is opened; empty where the server has them.
    """

    def __init__(self, client: Client, run: Run, rows: Sequence[Example] = ()) -> None:
        self._client = client
        self.run = run
        self._rows = rows
        self._waiting: list[Result] = []
        self._most_bytes = _MAX_BATCH_BYTES
        self._sending: asyncio.Task[None] | None = None
        self._opened = False
        self._sent_at = time.monotonic()
        self.fault: TrimtabError | None = None
        self.unstored: TrimtabError | None = None

    async def open(self) -> None:
        """Store the rows and open the run there; a server that does not answer is a `fault`."""
        await self._tried(self._open)
        self._sending = asyncio.create_task(self._send_often(), name="upload")

    def add(self, result: Result) -> None:
        self._waiting.append(result)

    async def end(self, run: Run) -> bool:
        """Send what is left and the end of the run; whether the server has all of it."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None
        self.fault = None  # tried once more, for a server that came back
        if not self._opened:
            await self._tried(self._open)
        while self._waiting and self.fault is None:
            await self._tried(self._send)
        if self.fault is None:
            await self._tried(lambda: self._client.post(self._path("end"), _end(run)))
        return self.fault is None

    async def _send_often(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            while self._has_something() and self.fault is None and self._opened:
                await self._tried(self._send)

    def _has_something(self) -> bool:
        """Results, or that the run goes on where there are none for long."""
        return bool(self._waiting) or time.monotonic() - self._sent_at >= BEAT_S

    def _open(self) -> None:
        self._store()
        self._client.post("/api/v1/runs/external", _opening(self.run))
        self._opened = True

    def _store(self) -> None:
        """Store the rows; a run whose rows cannot be is opened all the same."""
        self.unstored = None
        if not self._rows:
            return
        try:
            stored = store_rows(self._client, self.run, self._rows)
        except TrimtabError as error:
            self.unstored = error
        else:
            self.run, self._rows = msgspec.structs.replace(self.run, dataset=stored), ()

    def _send(self) -> None:
        batch, size = _batch(self._waiting, self._most_bytes)
        try:
            self._client.post(self._path("results"), {"results": batch})
        except TooLarge as error:
            if len(batch) > 1:
                self._most_bytes = size // 2
            elif not batch[0].scores and batch[0].output is None:
                raise  # there is nothing left to take away
            else:
                self._waiting[0] = _without_answer(batch[0], size, error)
            return
        del self._waiting[: len(batch)]
        self._sent_at = time.monotonic()

    def _path(self, what: str) -> str:
        return api_path("runs", self.run.run_id, what)

    async def _tried(self, work: Callable[[], object]) -> None:
        """Do something with the server; what goes wrong is the fault, and stops nobody."""
        doing = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            # What was sent must be known to be, or it would be sent twice.
            await asyncio.gather(doing, return_exceptions=True)
            raise
        except TrimtabError as error:
            self.fault = error
        except OSError as error:
            self.fault = StoreError(f"the server cannot be reached: {error}")


def _batch(waiting: Sequence[Result], most_bytes: int) -> tuple[list[Result], int]:
    """The first results that fit into one request, one at least, and how many bytes they are."""
    size, count = 0, 0
    for result in waiting[:_BATCH]:
        more = len(msgspec.json.encode(result))
        if count and size + more > most_bytes:
            break
        size, count = size + more, count + 1
    return list(waiting[:count]), size


def _without_answer(result: Result, size_bytes: int, refusal: TooLarge) -> Result:
    """A result that the server does not take, as an error of its case, so that it takes the
    others."""
    limit = refusal.fields.get("limit_bytes")
    why = f"the answer is too large: {refusal.what}"
    if isinstance(limit, int):
        why = too_large(size_bytes, limit)
    return msgspec.structs.replace(
        result, output=None, context=(), passages=(), tool_calls=(), scores=(), error=why
    )


def _opening(run: Run) -> RunOpening:
    return RunOpening(**{name: getattr(run, name) for name in RunOpening.__struct_fields__})


def _end(run: Run) -> RunEnd:
    return RunEnd(**{name: getattr(run, name) for name in RunEnd.__struct_fields__})
