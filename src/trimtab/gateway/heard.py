"""Heard: what an answer says, noted as it passes, for guards that look at it when it is over.

They are told as much as guards that hold it are: its texts, what stands beside them in bytes that
go on as they came, and what a provider says of its failure.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from trimtab.dialects.llm.answer_layout import Told
from trimtab.dialects.llm.edits import Spot
from trimtab.dialects.llm.parts import Part
from trimtab.gateway.answer_texts import AnswerTexts
from trimtab.gateway.relay import Piece
from trimtab.gateway.shown import Calls, place_at
from trimtab.ports import GuardText, Place

PROVIDER = "provider"
"""The role in which an error is said."""
MESSAGE, WHOLE = Place(PROVIDER, 0), Place(PROVIDER, 0, part=1)
"""Of an error: what it says, and all of its bytes."""
MOST_FAILURE_BYTES = 64 << 10
"""Of an error that goes on as it came."""

_MOST_MESSAGE_CHARS = 10_000
_MOST_CHARS = 8 << 20
_TOO_LONG = "the answer is too long to be judged"
_UNREAD = "the answer cannot be read"

_log = logging.getLogger("trimtab.gateway")


def failure(message: str, raw: bytes = b"") -> list[GuardText]:
    """What a provider says of its failure: the message, and the error as it was sent."""
    message = message[:_MOST_MESSAGE_CHARS]
    given = [GuardText(place=MESSAGE, text=message)] if message else []
    if raw:
        whole = raw[:MOST_FAILURE_BYTES].decode("utf-8", "replace")
        given.append(GuardText(place=WHOLE, text=whole))
    return given


class Heard:
    """What one answer says at each spot.

    Of more than `most_chars`, and of what cannot be read, nothing is kept: `missing` says why.
    """

    def __init__(self, most_chars: int = _MOST_CHARS) -> None:
        self._texts = AnswerTexts(None)
        self._said: dict[Spot, list[str]] = {}
        self._calls = Calls()
        self._failure: list[GuardText] = []
        self._room = most_chars
        self.missing: str | None = None

    def begin(self, native: str | None) -> None:
        """An answer begins; `native` is the dialect of bytes that go on as they came."""
        self._texts = AnswerTexts(native)

    def body(self, body: bytes, parts: Sequence[Part]) -> None:
        """All of an answer that is not a stream."""
        self._take(Piece(body, parts), is_whole=True)

    def pieces(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The same pieces of a stream, noted."""
        for piece in pieces:
            self._take(piece, is_whole=False)
        return pieces

    def failed(self, message: str, raw: bytes = b"") -> None:
        """There is no answer, or no more of it."""
        self._failure = self._failure or failure(message, raw)

    def _take(self, piece: Piece, *, is_whole: bool) -> None:
        if self.missing is not None:
            return
        if (failed := piece.failure) is not None:
            self.failed(failed.message, piece.data)
        try:
            told = self._texts.body(*piece) if is_whole else self._texts.event(piece)
        except Exception as error:
            # Nothing that only looks may break an answer, whatever a provider sends.
            _log.warning("an answer cannot be shown to guards: %s", type(error).__name__)
            self._drop(_UNREAD)
            return
        for spot in self._calls.take(piece.parts):
            self._said.setdefault(spot, [])
        self._note(told)

    def _note(self, told: Sequence[Told]) -> None:
        for one in told:
            if one.again is not None:
                continue
            self._room -= len(one.text)
            if self._room < 0:
                self._drop(_TOO_LONG)
                return
            self._said.setdefault(one.spot, []).append(one.text)

    def _drop(self, why: str) -> None:
        self.missing = why
        self._said.clear()

    @property
    def texts(self) -> list[GuardText]:
        """Every text of the answer, as far as it came."""
        said = [
            GuardText(
                place=place_at(spot),
                text="".join(said),
                tool=self._calls.tool(spot),
            )
            for spot, said in self._said.items()
            if said or self._calls.tool(spot) is not None
        ]
        return [*said, *self._failure]
