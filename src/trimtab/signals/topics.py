"""Topics: which of some named subjects a text is about, each given by examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from trimtab.embeddings.table import FloatArray, table
from trimtab.errors import ConfigError
from trimtab.kit.hashing import digest
from trimtab.signals.finding import Finding, Reading
from trimtab.signals.signal import NOBODY, About, Scale
from trimtab.signals.support import sentences
from trimtab.signals.text import Text

_HALF = 0.5


class _Examples(NamedTuple):
    topics: tuple[str, ...]  # of each row
    rows: FloatArray
    centroids: FloatArray  # in the order of the names


class Topics:
    """The topic that a text is nearest to, as its label, and how near that is, as its score.

    Nearness is the mean of two cosines of static embeddings: to the nearest example of a topic and
    to the centroid of all its examples. Five to twenty examples, each as a user would put it, do
    better than names alone. Subjects in English; what is said about them makes little difference.

    Args:
        topics: names, and texts that are examples of each.
        at_least: sentences that are as near to a topic or nearer are findings of that kind.

    Raises:
        ConfigError: a topic without examples, or with one that has no known word.

    >>> topics = Topics(topics={"weather": ["Will it rain?"], "money": ["What does it cost?"]})
    >>> topics.read(Text("Is snow expected tomorrow, or sun?")).label
    'weather'
    """

    name = "topics"
    scale: Scale = "risk"
    lookback_chars: int | None = None
    is_learned = False

    def __init__(
        self, *, topics: Mapping[str, Sequence[str]] | None = None, at_least: float = 0.6
    ) -> None:
        self.topics = {name: tuple(examples) for name, examples in (topics or {}).items()}
        self.at_least = at_least
        for name, examples in self.topics.items():
            if not examples or not all(map(sentences, examples)):
                raise ConfigError(
                    f"the topic {name!r} has an example that says nothing, or none",
                    where=f"topics.{name}",
                    fix="give it some texts of the kind that should be found",
                )
        self.version = f"1-{digest([sorted(self.topics.items()), at_least])[:8]}"

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """See `Signal.read`."""
        del about
        if not self.topics:
            return Reading(score=None, reason="there are no topics")
        found = sentences(text.plain)
        if not found:
            return Reading(score=None, reason="nothing is said")
        parts = [text.plain, *(text.plain[one.start : one.end] for one in found)]
        near = self._nearness(parts)
        names = tuple(self.topics)
        findings = [
            Finding(start=start, end=end, kind=names[at], score=round(float(row[at]), 4))
            for one, row in zip(found, near[1:], strict=True)
            for start, end in [text.raw_span(one.start, one.end)]
            for at in np.flatnonzero(row >= self.at_least)
        ]
        best = int(near[0].argmax())
        return Reading(
            score=round(float(near[0, best]), 4),
            label=names[best],
            findings=tuple(sorted(findings)),
        )

    def _nearness(self, parts: Sequence[str]) -> FloatArray:
        """Shape (parts, topics), in [0, 1]."""
        known = self._examples
        vectors = table().embed(parts)
        cosines = vectors @ known.rows.T
        best = np.stack(
            [
                cosines[:, [at for at, one in enumerate(known.topics) if one == name]].max(axis=1)
                for name in self.topics
            ],
            axis=1,
        )
        near = _HALF * best + _HALF * (vectors @ known.centroids.T)
        return np.clip(near, 0, 1)

    @cached_property
    def _examples(self) -> _Examples:
        names = tuple(name for name, examples in self.topics.items() for _ in examples)
        rows = table().embed([one for examples in self.topics.values() for one in examples])
        means = np.stack([rows[np.array(names) == name].mean(axis=0) for name in self.topics])
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return _Examples(names, rows, (means / np.maximum(lengths, 1e-9)).astype(np.float32))
