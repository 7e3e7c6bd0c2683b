"""Case: what the guards of one call know together, and forget when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from trimtab.dialects.passages import without_passages
from trimtab.guards.vault import Vault
from trimtab.ports import GuardText
from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About, Signal
from trimtab.signals.text import Text

_MOST_KEPT = 8192  # readings, of some hundred bytes each
_MOST_CLEAN = 16_384
_INSTRUCTING = frozenset({"system", "developer"})


class Readings:
    """What signals said of texts lately: most of a conversation is said again with every turn.

    Texts are known by their hashes, so none is kept. Safe to use by many threads.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int], tuple[Signal, Reading]] = {}
        self._clean: set[tuple[object, int, int]] = set()

    def is_clean(self, about: object, text: str) -> bool:
        """Whether `cleared` was told of this text."""
        return (about, hash(text), len(text)) in self._clean

    def cleared(self, about: object, text: str) -> None:
        """Remember that there is nothing to hide in a text, for whatever `about` stands for."""
        if len(self._clean) >= _MOST_CLEAN:
            self._clean = set()
        self._clean.add((about, hash(text), len(text)))

    def read(self, signal: Signal, text: Text) -> Reading:
        """What a signal says of a text, whatever else is known."""
        # The hash of a text is keyed anew in every process, so nobody can make two alike.
        key = id(signal), hash(text.raw), len(text.raw)
        found = self._found.get(key)
        if found is not None and found[0] is signal:
            return found[1]
        reading = signal.read(text)
        if len(self._found) >= _MOST_KEPT:
            for old in list(islice(self._found, _MOST_KEPT // 4)):
                self._found.pop(old, None)
        self._found[key] = signal, reading
        return reading


class Case:
    """One call. `vault` has its tokens; readings of whole texts are made once.

    Args:
        known: readings of earlier calls, for what is said again in each.
    """

    def __init__(self, known: Readings | None = None) -> None:
        self.vault = Vault()
        self.known = known

    def read(self, signal: Signal, text: Text, about: About = NOBODY) -> Reading:
        """What a signal says of a text, remembered where nothing else than the text decides it."""
        if about is not NOBODY or self.known is None:
            return signal.read(text, about)
        return self.known.read(signal, text)


def about(sent: Sequence[GuardText], canaries: tuple[str, ...] = ()) -> About:
    """What an answer is judged against: what the model was told before it.

    Passages stand in the system prompt and are there to be quoted: they are context, no secret.
    """
    system = [without_passages(one.text) for one in sent if one.place.role in _INSTRUCTING]
    context = [one.text for one in sent if one.place.kind in ("context", "tool_result")]
    asked = [one.text for one in sent if one.place.role == "user" and one.place.kind == "text"]
    return About(
        system="\n\n".join(system) or None,
        context=tuple(context),
        question=asked[-1] if asked else None,
        canaries=canaries,
    )
