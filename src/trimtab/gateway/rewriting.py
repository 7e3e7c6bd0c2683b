"""Rewriting: pieces of an answer, and the whole of it, with the changes that guards want."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.dialects.llm.edits import Changes, Editor, changed, respoken
from trimtab.dialects.llm.parts import Part
from trimtab.gateway.held import Held
from trimtab.gateway.relay import Piece, Relay


class Rewriting:
    """Writes what was held of one answer.

    Args:
        native: the dialect of the provider's bytes where those go on; None where its parts are
            written anew.

    Its methods raise CannotEdit where a change cannot be made.
    """

    def __init__(self, relay: Relay, native: str | None) -> None:
        self._relay = relay
        self._editor = Editor(native) if native is not None else None

    def piece(self, held: Held, changes: Changes) -> Piece:
        """A piece of a stream as the caller gets it."""
        parts, data = _parts(held, changes), held.piece.data
        if self._editor is not None and data:
            data = self._editor.event(data, held.spans, changes)
        return self._relay.write(Piece(data, parts))

    def body(self, held: Held, changes: Changes) -> bytes:
        """A whole answer as the caller gets it."""
        parts, body = _parts(held, changes), held.piece.data
        if self._editor is not None:
            body = self._editor.body(body, held.spans, changes)
        return self._relay.write_whole(body, parts)


def _parts(held: Held, changes: Changes) -> Sequence[Part]:
    parts = held.piece.parts
    if not any(changes.get(span.spot) for span in held.by_part.values()):
        return parts
    found = list(parts)
    for number, (spot, start, text) in held.by_part.items():
        new = changed(text, start, changes.get(spot, ()))
        if new != text:
            found[number] = respoken(found[number], new)
    return found
