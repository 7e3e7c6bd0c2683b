"""Shown: the texts of a request and of its answer, as guards get them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm import texts
from trimtab.dialects.llm.edits import Spot, spoken
from trimtab.dialects.llm.members import shown
from trimtab.dialects.llm.parts import Part
from trimtab.gateway import variables
from trimtab.gateway.ask import Ask
from trimtab.gateway.relay import Piece
from trimtab.ports import GuardText, Place
from trimtab.ports.guarding import TextKind
from trimtab.records import text_of

_KEPT_BY_PROVIDERS = frozenset({"conversation", "previous_response_id"})
_TOOLS = frozenset({"function", "tool"})


def given_of(ask: Ask) -> tuple[list[texts.Said], list[GuardText]]:
    """All texts of a request and of its variables.

    Raises:
        InvalidRequest: guards would read something else than a provider may.
    """
    if ask.passing is not None:  # Of this one the bytes go on, members said twice among them.
        shown(ask.passing.body or b"{}", "the body")
    said = texts.texts(ask.dialect.name, ask.envelope)
    given = [GuardText(place=place_of(one), text=one.text) for one in said]
    return said, given + variables.told(ask.variables)


def place_of(said: texts.Said) -> Place:
    return Place(said.role, said.message, said.kind, said.part)


def continues(ask: Ask) -> bool:
    """Whether a request builds on messages that its provider keeps."""
    return not _KEPT_BY_PROVIDERS.isdisjoint(ask.envelope.fields)


class Told:
    """What the model was told: its messages, and the passages that were found for them."""

    def __init__(self) -> None:
        self._sent: Sequence[Any] = ()
        self._passages: Sequence[GuardText] = ()
        self._texts: list[GuardText] | None = None

    def sent(self, messages: Any) -> None:
        self._sent, self._texts = messages if isinstance(messages, list) else (), None

    def found(self, passages: Sequence[GuardText]) -> None:
        self._passages, self._texts = passages, None

    @property
    def texts(self) -> list[GuardText]:
        """The texts, made when a guard of the answer first asks for them."""
        if self._texts is None:
            self._texts = [*_texts_of(self._sent), *self._passages]
        return self._texts


def _texts_of(messages: Sequence[Any]) -> list[GuardText]:
    found = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        role = str(message.get("role") or "user")
        kind: TextKind = "tool_result" if role in _TOOLS else "text"
        if text := text_of(message.get("content")):
            found.append(GuardText(place=Place(role, index, kind), text=text))
    return found


class Heard:
    """What an answer says at each spot, for guards that look at it when it is over.

    Of more than `most_chars` nothing is kept: `whole` is False then.
    """

    def __init__(self, most_chars: int = 8 << 20) -> None:
        self._said: dict[Spot, list[str]] = {}
        self._room = most_chars
        self.whole = True

    def pieces(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The same pieces, noted."""
        for piece in pieces:
            self.take(piece.parts)
        return pieces

    def take(self, parts: Sequence[Part]) -> None:
        """Further parts of the answer, in order."""
        for part in parts:
            if not self.whole or (found := spoken(part)) is None:
                continue
            spot, text = found
            self._room -= len(text)
            if self._room < 0:
                self.whole = False
                self._said.clear()
                return
            self._said.setdefault(spot, []).append(text)

    @property
    def texts(self) -> list[GuardText]:
        """Every text of the answer, as far as it came."""
        return [
            GuardText(place=Place("assistant", choice, kind, call), text="".join(said))
            for (kind, choice, call), said in self._said.items()
        ]
