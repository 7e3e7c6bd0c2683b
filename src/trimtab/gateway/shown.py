"""Shown: the texts of a request and of its answer, as guards get them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm import texts
from trimtab.dialects.llm.edits import Spot
from trimtab.dialects.llm.members import shown
from trimtab.dialects.llm.parts import Part, ToolCall
from trimtab.gateway import variables
from trimtab.gateway.ask import Ask
from trimtab.ports import GuardText, Place
from trimtab.ports.guarding import TextKind

_KEPT_BY_PROVIDERS = frozenset({"conversation", "previous_response_id"})
_TOLD: tuple[TextKind, ...] = ("text", "context", "tool_result")


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


def place_at(spot: Spot) -> Place:
    """The place of a text of an answer."""
    kind, choice, call = spot
    return Place("assistant", choice, kind, call)


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
    """What each message says, what tools returned and documents say kept apart.

    Of some dialects those stand in messages of the user.
    """
    found: list[GuardText] = []
    for index, message in enumerate(messages):
        role, said = texts.told(message)
        joined = {kind: "\n".join(one for own, one in said if own == kind) for kind in _TOLD}
        found += [
            GuardText(place=Place(role, index, kind), text=text)
            for kind, text in joined.items()
            if text.strip()
        ]
    return found


class Calls:
    """The calls of tools in an answer: which stands where, and of which tool."""

    def __init__(self) -> None:
        self._names: dict[Spot, str] = {}

    def take(self, parts: Sequence[Part]) -> list[Spot]:
        """Further parts of the answer; the calls that begin or go on in them."""
        found = []
        for part in parts:
            if isinstance(part, ToolCall):
                spot: Spot = ("tool_arguments", part.choice, part.index)
                known = self._names.get(spot, "")
                # Of two names the client may take either: together they are the name of no tool.
                more = part.name if part.name and part.name != known else ""
                self._names[spot] = known + more
                found.append(spot)
        return found

    def tool(self, spot: Spot) -> str | None:
        """The name of the tool that is called at a spot; empty where it has none."""
        return self._names.get(spot)
