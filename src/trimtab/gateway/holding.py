"""Holding: an answer goes to the caller only as far as every guard has passed it.

Of a stream so much is held back as the guards have to see behind a text to be sure of it
(`gateway.edges`), or everything where a guard needs the whole answer. They are
asked again every few characters, each time about what is new and a window before it, so the work
grows with the answer and not with its square. The first byte waits for the first check.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence

import msgspec

from trimtab.dialects.llm.answer_slots import CannotEdit
from trimtab.dialects.llm.dialect import Writer
from trimtab.dialects.llm.edits import Change
from trimtab.dialects.llm.parts import Began, Ended, Failed, Part, Used
from trimtab.errors import ProviderError
from trimtab.gateway.answer_texts import AnswerTexts
from trimtab.gateway.edges import Edges
from trimtab.gateway.endings import Ending, stopped
from trimtab.gateway.failing import without
from trimtab.gateway.held import Held
from trimtab.gateway.hooks import Hooked
from trimtab.gateway.relay import AnswerTooLarge, Piece, Relay
from trimtab.gateway.rewriting import Rewriting
from trimtab.gateway.rulings import Block
from trimtab.gateway.speech import Speech

MAX_HELD_BYTES = 32 << 20
"""Of one answer; one that would need more is given up."""

_LEAST_STEP_CHARS = 16
_TOO_LARGE = f"more than {MAX_HELD_BYTES:,} bytes that a guard wants to see at once"
_REREAD = 8  # a text of which much is shown again is asked about when it has grown by an eighth
_CANNOT = "the answer cannot be rewritten as a guard demands"


class Holding:
    """One answer, whole or streamed, between the provider and the caller.

    Args:
        relay: reads the provider's answer and writes the caller's; it only reads by itself.
        writer: a new one of the caller's dialect, for what is said in place of the answer.
        native: the provider speaks the caller's dialect, so its bytes go on as they came.
    """

    def __init__(self, hooked: Hooked, relay: Relay, writer: Writer, *, native: bool) -> None:
        guards = hooked.output.guards
        windows = [guard.window_chars for guard in guards]
        known = [window for window in windows if window is not None]
        self._window = max(known) if len(known) == len(windows) else None
        ahead = [getattr(guard, "ahead_chars", guard.window_chars or 0) for guard in guards]
        self._step = max(_LEAST_STEP_CHARS, max(ahead, default=0) // 4)
        self._edges = Edges(guards)
        self._kept_chars = 0  # of the text of which most is shown again
        self._hooked = hooked
        self._relay = relay
        self._writer = writer
        self._native = hooked.ask.dialect.name if native else None
        self._texts = AnswerTexts(self._native)
        self._rewriting = Rewriting(relay, self._native)
        self._ending = Ending(self._native, writer)
        judges_calls = any(getattr(guard, "judges_calls", False) for guard in guards)
        self._speech = Speech(self._window, judges_calls=judges_calls)
        self._queue: deque[Held] = deque()
        self._held_bytes = 0
        self._block: Block | None = None
        self._is_open = False  # whether anything may go to the caller

    async def whole(self, body: bytes) -> bytes:
        """The caller's body for an answer that is not a stream."""
        parts = self._relay.read_whole(body)
        held = self._speech.take(Piece(body, parts), self._texts.body(body, parts))
        self._speech.end()
        await self._check(final=True)
        block = self._block
        if block is None:
            try:
                return self._rewriting.body(held, self._speech.changes())
            except CannotEdit:
                block = self._unruly()
        began = next((part for part in parts if isinstance(part, Began)), None)
        used = next((part for part in parts if isinstance(part, Used)), None)
        said = stopped(began, block.message, used)
        self._relay.fold.take(said)
        return self._writer.body(said)

    async def pieces(self, source: AsyncIterator[Sequence[Piece]]) -> AsyncIterator[list[Piece]]:
        """The pieces that may go to the caller, as soon as they may."""
        async for batch in source:
            out: list[Piece] = []
            for piece in batch:
                if self._queue and not piece.parts and piece.data.startswith(b":"):
                    out.append(piece)  # a sign of life, which may overtake
                    continue
                await self._take(piece)
                out += self._released()
                if self._block is not None:
                    yield [*out, self._end(self._block)]
                    return
            if out:
                yield out
        self._speech.end()
        await self._check(final=True)
        out = self._released()
        if self._block is not None:
            out.append(self._end(self._block))
        if out:
            yield out

    # -- in ------------------------------------------------------------------------------------

    async def _take(self, piece: Piece) -> None:
        if (failure := piece.failure) is not None:
            piece = await self._withheld(piece, failure)
        self._queue.append(self._speech.take(piece, self._texts.event(piece)))
        settled = self._speech.settle(piece.parts)
        self._held_bytes += len(piece.data)
        if self._held_bytes > MAX_HELD_BYTES:
            raise AnswerTooLarge.of(_TOO_LARGE)
        final = any(isinstance(part, Ended | Failed) for part in piece.parts)
        step = max(self._step, self._kept_chars // _REREAD)
        if final or settled or self._speech.new_chars >= step:
            await self._check(final=final)

    async def _withheld(self, piece: Piece, failure: Failed) -> Piece:
        """What a provider says of its failure, as far as guards let it."""
        hooked = self._hooked
        message = await without(hooked, failure.message, piece.data)
        if message is None:
            return piece
        failed = msgspec.structs.replace(failure, message=message)
        parts: list[Part] = [part for part in piece.parts if isinstance(part, Used)]
        parts.append(failed)
        if self._native is None:
            return Piece(piece.data, parts)
        error = ProviderError(message, status=failure.status)
        return Piece(hooked.ask.dialect.error_event(error), parts)

    async def _check(self, *, final: bool) -> None:
        if self._block is not None or (self._window is None and not final):
            return
        self._is_open = self._is_open or final
        asked = self._speech.waiting()
        if not asked:
            return
        self._speech.new_chars = 0
        verdict = await self._hooked.judge([text for text, _ in asked])
        if verdict.block is not None:
            self._block = self._hooked.blocked = verdict.block
            return
        for text, said in asked:
            changes = [
                Change(edit.start + text.offset, edit.end + text.offset, edit.text)
                for edit in verdict.edits
                if edit.place == text.place
            ]
            said.clear(changes, text, self._edges)
            self._is_open = self._is_open or said.cleared > 0
        self._kept_chars = max(said.kept_chars for _, said in asked)
        if self._kept_chars > MAX_HELD_BYTES:
            raise AnswerTooLarge.of(_TOO_LARGE)

    # -- out -----------------------------------------------------------------------------------

    def _released(self) -> list[Piece]:
        out: list[Piece] = []
        while self._queue and self._may_go(self._queue[0]):
            held = self._queue.popleft()
            self._held_bytes -= len(held.piece.data)
            try:
                released = self._rewriting.piece(held, self._speech.changes())
            except CannotEdit:
                self._unruly()
                break
            self._ending.saw(released.data, released.parts)
            out.append(released)
        return out

    def _may_go(self, held: Held) -> bool:
        return self._is_open and self._block is None and self._speech.is_clear(held)

    def _unruly(self) -> Block:
        """A replacement that cannot be made is a refusal."""
        entries = self._hooked.output.entries
        guard = next((entry for entry in entries if entry.action == "replace"), entries[0])
        guard.blocked, guard.error = True, "the answer could not be rewritten"
        block = self._block = self._hooked.blocked = Block(guard=guard.name, message=_CANNOT)
        return block

    def _end(self, block: Block) -> Piece:
        """The last piece of an answer that was stopped; what was held is dropped."""
        self._queue.clear()
        parts = self._ending.parts(block.message)
        written = self._relay.write(Piece(b"", parts))
        if self._native is None:
            return written
        return Piece(self._ending.written(parts), parts)
