"""The texts of an answer, in the order in which its bytes have them.

Where the provider's bytes go on as they came, what stands beside the parts in them (thoughts,
sources, members that nobody knows) is read as well: clients read it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.dialects.llm.answer_layout import Layout, Told
from trimtab.dialects.llm.edits import Spot, spoken
from trimtab.dialects.llm.parts import Other, Part
from trimtab.gateway.relay import Piece


class AnswerTexts:
    """Reads one answer, whole or piece by piece.

    Args:
        native: the dialect of the bytes that go on; None where they are written anew.
    """

    def __init__(self, native: str | None) -> None:
        self._layout = Layout(native) if native is not None else None

    def body(self, body: bytes, parts: Sequence[Part]) -> list[Told]:
        """The texts of a whole answer, with the numbers of the parts that say them."""
        told = self._told(parts)
        if self._layout is None:
            return told
        return _numbered(self._layout.body(body, _texts(told)), told)

    def event(self, piece: Piece) -> list[Told]:
        """The texts of the next piece; what a provider says of its failure is none of them."""
        told = self._told(piece.parts)
        if self._layout is None or not piece.data or piece.failure is not None:
            return told
        return _numbered(self._layout.event(piece.data, _texts(told)), told)

    def _told(self, parts: Sequence[Part]) -> list[Told]:
        """What parts say; of the provider's own bytes more is read than its sources and tools."""
        found = []
        for number, part in enumerate(parts):
            if self._layout is not None and isinstance(part, Other):
                continue
            if (said := spoken(part)) is not None:
                found.append(Told(*said, number))
        return found


def _texts(told: Sequence[Told]) -> list[tuple[Spot, str]]:
    return [(one.spot, one.text) for one in told]


def _numbered(laid: Sequence[Told], told: Sequence[Told]) -> list[Told]:
    """Texts with the numbers of their parts among all parts."""
    return [one if one.part is None else one._replace(part=told[one.part].part) for one in laid]
