"""Toxicity: a monitoring score of how abusive a text is, by its words and letters.

A linear model over hashed n-grams, read in windows, so that one insult in a long text counts, and
over the static embedding of the worst window.
Hostility without hostile words is out of its reach (see its scorecard): let it watch, and ask a
model where something is to be blocked. English.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.table import table
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.injection.features import BLOCK, Grams
from trimtab.signals.injection.stretch import beginning, stretches
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Model(NamedTuple):
    """What was learned.

    Args:
        weights: int8, a power of two of them; a step of one is worth `scale`.
        meaning: shape (dimensions,), for the embedding of a window.
        table: the version of the embeddings that `meaning` was learned with.
    """

    version: str
    weights: npt.NDArray[np.int8]
    scale: float
    bias: float
    meaning: npt.NDArray[np.float32]
    table: str


class Toxicity:
    """How abusive a text is, in [0, 1]: its worst window of 30 to 70 words.

    Args:
        threshold: from which score on a window is pointed at.

    >>> from trimtab.signals.text import Text
    >>> toxic, fine = "Shut up, you stupid moron.", "I am a gay man and I love opera."
    >>> [round(Toxicity().read(Text(text)).score) for text in (toxic, fine)]
    [1, 0]
    """

    name = "toxicity"
    scale = "risk"
    lookback_chars = 2 * BLOCK
    is_learned = True

    def __init__(self, *, threshold: float = 0.5) -> None:
        self._threshold = threshold

    @property
    def version(self) -> str:
        return f"2-{_model().version}"

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        del about
        found = worst(text, _model())
        if found is None:
            return NOTHING
        score = round(float(1 / (1 + np.exp(-found.margin))), 4)
        if score < self._threshold:
            return Reading(score=score)
        start, end = text.raw_span(found.start, found.end)
        return Reading(
            score=score, findings=(Finding(start=start, end=end, kind="toxicity", score=score),)
        )


class Window(NamedTuple):
    """A part of the plain text, and the log odds that it is abusive."""

    start: int
    end: int
    margin: float


def worst(text: Text, model: Model) -> Window | None:
    """The window whose n-grams look worst, judged by its meaning too; None without any n-gram."""
    best: tuple[float, int, int] | None = None
    for one in stretches(text.folded, text.once(beginning)):
        if len(one.grams.ids):
            margin, first, last = _worst_of(one.grams, model)
            if best is None or margin > best[0]:
                places = one.view.places
                start = one.offset + int(places[first * BLOCK])
                end = one.offset + int(places[min(last * BLOCK, len(places)) - 1]) + 1
                best = margin, start, end
    if best is None:
        return None
    margin, start, end = best
    meant = float(table().embed([text.plain[start:end]])[0] @ model.meaning)
    return Window(start, end, margin + meant + model.bias)


def _worst_of(found: Grams, model: Model) -> tuple[float, int, int]:
    """The margin of the worst window; the first of its blocks, and the one after its last."""
    margins, first, blocks = _margins(found, model)
    at = int(margins.argmax())
    return float(margins[at]), int(first[at]), int(first[at] + blocks[at])


def _margins(found: Grams, model: Model) -> tuple[Floats, Places, Places]:
    """What the n-grams of a block, or of two in a row, say; the first block of each, how many."""
    said = model.weights.take(found.ids & (len(model.weights) - 1))
    sums = np.bincount(found.blocks, said, found.size)
    counts = np.bincount(found.blocks, minlength=found.size).astype(np.float64)
    first = np.concatenate([np.arange(found.size), np.arange(found.size - 1)])
    blocks = np.repeat([1, 2], [found.size, found.size - 1])
    if found.size == 2:  # a short text is read whole, as those that were learned from
        first, blocks = first[2:], blocks[2:]
        sums, counts = sums.sum(keepdims=True), counts.sum(keepdims=True)
    else:
        sums = np.concatenate([sums, sums[:-1] + sums[1:]])
        counts = np.concatenate([counts, counts[:-1] + counts[1:]])
    # Root of the count: a text of twice the length is not twice as sure, nor half.
    margins: Floats = sums * model.scale / np.sqrt(np.maximum(counts, 1))
    return margins, first, blocks


@cache
def _model() -> Model:
    data = files("trimtab.signals").joinpath("weights/toxicity.npz").read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as parts:
        return Model(
            version=str(parts["version"]),
            weights=parts["weights"],
            scale=float(parts["scale"]),
            bias=float(parts["bias"]),
            meaning=parts["meaning"],
            table=str(parts["table"]),
        )
