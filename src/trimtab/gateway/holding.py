"""Holding: an answer goes to the caller only as far as every guard has passed it.

Of a stream so much is held back as the guards have to see behind a text to be sure of it: the
largest `window_chars` among them, or everything where a guard needs the whole answer. They are
asked again every few characters, each time about what is new and a window before it, so the work
grows with the answer and not with its square. The first byte waits for the first check.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from trimtab.dialects.llm.answer_slots import CannotEdit
from trimtab.dialects.llm.dialect import Writer
from trimtab.dialects.llm.edits import (
    Change,
    Editor,
    Span,
    Spot,
    Unread,
    changed,
    respoken,
    spoken,
)
from trimtab.dialects.llm.parts import Began, Ended, Failed, Finished, Part, Used
from trimtab.gateway.endings import Ending, stopped
from trimtab.gateway.hooks import Hooked
from trimtab.gateway.relay import AnswerTooLarge, Piece, Relay
from trimtab.gateway.rulings import Block
from trimtab.gateway.said import Said
from trimtab.ports import Place

MAX_HELD_BYTES = 32 << 20
"""Of one answer; one that would need more is given up."""

_LEAST_STEP_CHARS = 16
_SILENCE_CHARS = 512
_LASTING = frozenset({"text", "refusal", "tool_arguments"})  # kinds that may always be gone on with
_CANNOT = "the answer cannot be rewritten as a guard demands"


class Holding:
    """One answer, whole or streamed, between the provider and the caller.

    Args:
        relay: reads the provider's answer and writes the caller's; it only reads by itself.
        writer: a new one of the caller's dialect, for what is said in place of the answer.
        native: the provider speaks the caller's dialect, so its bytes go on as they came.
    """

    def __init__(self, hooked: Hooked, relay: Relay, writer: Writer, *, native: bool) -> None:
        dialect = hooked.ask.dialect.name
        windows = [guard.window_chars for guard in hooked.output.guards]
        known = [window for window in windows if window is not None]
        self._window = max(known) if len(known) == len(windows) else None
        self._step = max(_LEAST_STEP_CHARS, (self._window or 0) // 4)
        self._hooked = hooked
        self._relay = relay
        self._writer = writer
        self._editor = Editor(dialect) if native else None
        self._unread = Unread(dialect) if native else None
        self._ending = Ending(dialect if native else None, writer)
        self._said: dict[Spot, Said] = {}
        self._heard_chars: dict[int, int] = {}  # of each choice
        self._spoke_at: dict[Spot, int] = {}  # how much of its choice was heard by then
        self._queue: deque[_Held] = deque()
        self._held_bytes = 0
        self._new_chars = 0
        self._block: Block | None = None
        self._is_open = False  # whether anything may go to the caller

    async def whole(self, body: bytes) -> bytes:
        """The caller's body for an answer that is not a stream."""
        parts = self._relay.read_whole(body)
        spans = self._spans(parts)
        self._complete(lambda _spot: True)
        await self._check(final=True)
        block = self._block
        if block is None:
            try:
                return self._rewritten(body, parts, spans)
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
        self._complete(lambda _spot: True)
        await self._check(final=True)
        out = self._released()
        if self._block is not None:
            out.append(self._end(self._block))
        if out:
            yield out

    # -- in ------------------------------------------------------------------------------------

    async def _take(self, piece: Piece) -> None:
        over, spans = False, []
        for part in piece.parts:
            spans += self._spans((part,))
            over = self._settle(part) or over
        if self._unread is not None and piece.data:
            spans += [self._span(*one) for one in self._unread.texts(piece.data, told=bool(spans))]
        self._queue.append(_Held(piece, spans))
        self._held_bytes += len(piece.data)
        if self._held_bytes > MAX_HELD_BYTES:
            what = f"more than {MAX_HELD_BYTES:,} bytes that a guard wants to see at once"
            raise AnswerTooLarge.of(what)
        final = any(isinstance(part, Ended | Failed) for part in piece.parts)
        if final or over or self._new_chars >= self._step:
            await self._check(final=final)

    def _spans(self, parts: Sequence[Part]) -> list[Span]:
        found = [spoken(part) for part in parts]
        return [self._span(*one) for one in found if one is not None]

    def _span(self, spot: Spot, text: str) -> Span:
        said = self._said.get(spot)
        if said is None:
            said = self._said[spot] = Said()
        self._new_chars += len(text)
        heard = self._heard_chars.get(spot[1], 0) + len(text)
        self._heard_chars[spot[1]] = self._spoke_at[spot] = heard
        return Span(spot, said.add(text), text)

    def _settle(self, part: Part) -> bool:
        """Whether a part ends a text.

        Deltas may alternate between kinds, so that another kind ends none at once. An answer and
        the arguments of calls last until their choice is finished. Reasoning and the like are over
        after a long silence, counted in other text, since all that follows waits behind them.
        """
        if isinstance(part, Ended | Failed):
            return self._complete(lambda _spot: True)
        if isinstance(part, Finished):
            return self._complete(lambda spot: spot[1] == part.choice)
        if self._window is None or (found := spoken(part)) is None:
            return False
        _, choice, _ = found[0]
        before = self._heard_chars[choice] - max(self._window, _SILENCE_CHARS)
        return self._complete(
            lambda spot: (
                spot[1] == choice and spot[0] not in _LASTING and self._spoke_at[spot] <= before
            )
        )

    def _complete(self, which: Callable[[Spot], bool]) -> bool:
        ended = False
        for spot, said in self._said.items():
            if not said.complete and which(spot):
                said.complete = ended = True
        return ended

    # -- checks --------------------------------------------------------------------------------

    async def _check(self, *, final: bool) -> None:
        if self._block is not None or (self._window is None and not final):
            return
        self._is_open = self._is_open or final
        window = self._window
        asked = {spot: said for spot, said in self._said.items() if said.waits}
        if not asked:
            return
        self._new_chars = 0
        given = [
            said.shown(_place(spot), window if window is not None else said.end)
            for spot, said in asked.items()
        ]
        verdict = await self._hooked.judge(given)
        if verdict.block is not None:
            self._block = self._hooked.blocked = verdict.block
            return
        for text, said in zip(given, asked.values(), strict=True):
            changes = [
                Change(edit.start + text.offset, edit.end + text.offset, edit.text)
                for edit in verdict.edits
                if edit.place == text.place
            ]
            said.clear(changes, window or 0)
            self._is_open = self._is_open or said.cleared > 0

    # -- out -----------------------------------------------------------------------------------

    def _released(self) -> list[Piece]:
        out: list[Piece] = []
        while (
            self._is_open and self._queue and self._block is None and self._is_clear(self._queue[0])
        ):
            piece, spans = self._queue.popleft()
            self._held_bytes -= len(piece.data)
            try:
                released = self._write(piece, spans)
            except CannotEdit:
                self._unruly()
                break
            self._ending.saw(released.data, released.parts)
            out.append(released)
        return out

    def _is_clear(self, held: _Held) -> bool:
        if self._window is None and any(not said.is_clear for said in self._said.values()):
            return False
        return all(
            self._said[spot].cleared >= start + len(text) for spot, start, text in held.spans
        )

    def _write(self, piece: Piece, spans: Sequence[Span]) -> Piece:
        parts, changes = self._parts(piece.parts, spans), self._changes()
        data = piece.data
        if self._editor is not None and data:
            data = self._editor.event(data, spans, changes)
        return self._relay.write(Piece(data, parts))

    def _rewritten(self, body: bytes, parts: Sequence[Part], spans: Sequence[Span]) -> bytes:
        new = self._parts(parts, spans)
        if self._editor is not None:
            body = self._editor.body(body, spans, self._changes())
        return self._relay.write_whole(body, new)

    def _parts(self, parts: Sequence[Part], spans: Sequence[Span]) -> Sequence[Part]:
        if not any(self._said[span.spot].changes for span in spans):
            return parts
        left = iter(spans)
        found = []
        for part in parts:
            if spoken(part) is not None:
                spot, start, text = next(left)
                new = changed(text, start, self._said[spot].changes)
                found.append(part if new == text else respoken(part, new))
            else:
                found.append(part)
        return found

    def _changes(self) -> dict[Spot, list[Change]]:
        return {spot: said.changes for spot, said in self._said.items()}

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
        if self._editor is None:
            return written
        return Piece(self._ending.written(parts), parts)


class _Held(NamedTuple):
    piece: Piece
    spans: Sequence[Span]


def _place(spot: Spot) -> Place:
    kind, choice, call = spot
    return Place("assistant", choice, kind, call)
