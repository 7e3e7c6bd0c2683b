"""Speech: all that an answer says, spot by spot, and which of it may still go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.dialects.llm.answer_layout import Told
from trimtab.dialects.llm.edits import Changes, Span, Spot, spoken
from trimtab.dialects.llm.parts import Ended, Failed, Finished, Part
from trimtab.gateway.held import Held
from trimtab.gateway.relay import Piece
from trimtab.gateway.said import Said
from trimtab.gateway.shown import Calls, place_at
from trimtab.ports import GuardText

_SILENCE_CHARS = 512
_LASTING = frozenset({"text", "refusal", "tool_arguments"})  # kinds that may always be gone on with


class Speech:
    """The texts of one answer as they grow.

    Args:
        window: how much of a text guards have to see at once; None for the whole of it.
        judges_calls: guards rule on calls of tools, so that each waits until it is whole.
    """

    def __init__(self, window: int | None, *, judges_calls: bool) -> None:
        self._window = window
        self._judges_calls = judges_calls
        self._calls = Calls()
        self._said: dict[Spot, Said] = {}
        self._open: dict[Spot, Said] = {}  # of those the ones that may go on
        self._heard_chars: dict[int, int] = {}  # of each choice
        self._spoke_at: dict[Spot, int] = {}  # how much of its choice was heard by then
        self.new_chars = 0
        """Since somebody set it to 0."""

    # -- in ------------------------------------------------------------------------------------

    def take(self, piece: Piece, told: Sequence[Told]) -> Held:
        """A further piece, with its texts in the order of its bytes."""
        calls = self._called(piece.parts)
        spans, by_part = [], {}
        for one in told:
            span = self._span(one) if one.again is None else Span(one.spot, one.again, one.text)
            spans.append(span)
            if one.part is not None:
                by_part[one.part] = span
        return Held(piece, spans, by_part, calls)

    def _called(self, parts: Sequence[Part]) -> list[Spot]:
        """The calls of tools in a piece. One without arguments has no text, and is there."""
        if not self._judges_calls:
            return []
        found = self._calls.take(parts)
        for spot in found:
            said = self._at(spot)
            if not said.complete:
                said.is_due = True
                self._open[spot] = said
        return found

    def _span(self, told: Told) -> Span:
        spot, text = told.spot, told.text
        said = self._at(spot)
        self.new_chars += len(text)
        heard = self._heard_chars.get(spot[1], 0) + len(text)
        self._heard_chars[spot[1]] = self._spoke_at[spot] = heard
        start = said.add(text)
        if told.whole:
            said.complete = True
        else:
            self._open[spot] = said
        return Span(spot, start, text)

    def _at(self, spot: Spot) -> Said:
        said = self._said.get(spot)
        if said is None:
            said = self._said[spot] = Said()
        return said

    # -- ends ----------------------------------------------------------------------------------

    def settle(self, parts: Sequence[Part]) -> bool:
        """Whether parts end a text."""
        settled = [self._settles(part) for part in parts]
        return any(settled)

    def end(self) -> bool:
        """Nothing more is said; whether anything might have gone on."""
        return self._complete(lambda _spot: True)

    def _settles(self, part: Part) -> bool:
        """Whether a part ends a text.

        Deltas may alternate between kinds, so that another kind ends none at once. An answer and
        the arguments of calls last until their choice is finished. Reasoning and the like are over
        after a long silence, counted in other text, since all that follows waits behind them.
        """
        if isinstance(part, Ended | Failed):
            return self.end()
        if isinstance(part, Finished):
            return self._complete(lambda spot: spot[1] == part.choice)
        if self._window is None or (found := spoken(part)) is None:
            return False
        _, choice, _ = found[0]
        before = self._heard_chars.get(choice, 0) - max(self._window, _SILENCE_CHARS)
        return self._complete(
            lambda spot: (
                spot[1] == choice and spot[0] not in _LASTING and self._spoke_at[spot] <= before
            )
        )

    def _complete(self, which: Callable[[Spot], bool]) -> bool:
        ended = [spot for spot in self._open if which(spot)]
        for spot in ended:
            self._open.pop(spot).complete = True
        return bool(ended)

    # -- out -----------------------------------------------------------------------------------

    def waiting(self) -> list[tuple[GuardText, Said]]:
        """What guards are to be asked about, as they are shown it."""
        return [
            (said.shown(place_at(spot), self._calls.tool(spot)), said)
            for spot, said in self._said.items()
            if said.waits
        ]

    def is_clear(self, held: Held) -> bool:
        """Whether guards have passed all of a piece."""
        if self._window is None and any(not said.is_clear for said in self._said.values()):
            return False
        if any(self._said[spot].is_due for spot in held.calls):
            return False
        return all(
            self._said[spot].cleared >= start + len(text) for spot, start, text in held.spans
        )

    def changes(self) -> Changes:
        """What guards want put in place of what was said."""
        return {spot: said.changes for spot, said in self._said.items()}
