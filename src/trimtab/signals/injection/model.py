"""The linear model over a passage's features, and its weights as they are shipped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

import msgspec
import numpy as np
import numpy.typing as npt

from trimtab.signals.injection.features import Grams
from trimtab.signals.injection.passage import Passage

FloatArray = npt.NDArray[np.float32]

CHECK_BITS = 8
"""Of an n-gram's id, the low bits that tell it from others in its bucket; the rest is that."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of n-grams, vectors and rule families.

    Args:
        version: changes with the weights.
        weights: (buckets,) int8 and `scale`, what one is worth.
        checks: (buckets,) uint8: an n-gram that does not fit its bucket's check weighs nothing.
        vector: (dimensions,), family: (families,).
        bias: of all windows.
        slope, offset: log-odds = slope * sum + offset, so that 0.5 is the shipped threshold.
    """

    version: str
    weights: npt.NDArray[np.int8]
    scale: float
    checks: npt.NDArray[np.uint8]
    vector: FloatArray
    family: FloatArray
    bias: float
    slope: float
    offset: float

    @classmethod
    def read(cls, data: bytes) -> Model:
        """A model from the bytes of its file."""
        with np.load(BytesIO(data), allow_pickle=False) as parts:
            scale, bias, slope, offset = (float(x) for x in parts["numbers"])
            return cls(
                version=str(parts["version"]),
                weights=parts["weights"],
                scale=scale,
                checks=parts["checks"],
                vector=parts["vector"],
                family=parts["family"],
                bias=bias,
                slope=slope,
                offset=offset,
            )

    def sums(self, passage: Passage) -> FloatArray:
        """For each window, the weighted sum of its features."""
        sums: FloatArray = (
            self._grams(passage.grams)
            + passage.vectors @ self.vector
            + passage.families @ self.family
            + self.bias
        )
        return sums

    def log_odds(self, passage: Passage) -> FloatArray:
        """For each window, how likely it is an attack; 0 is the shipped threshold."""
        odds: FloatArray = self.slope * self.sums(passage) + self.offset
        return odds

    def _grams(self, grams: Grams) -> FloatArray:
        """Weights of a window's n-grams over the root of how many there are."""
        buckets = grams.ids >> CHECK_BITS
        fits = self.checks.take(buckets) == grams.ids.astype(np.uint8)  # the low bits of an id
        worth = self.weights.take(buckets) * fits
        sums = np.bincount(grams.blocks, worth, grams.size) * self.scale
        counts = np.bincount(grams.blocks, minlength=grams.size)
        if grams.size > 1:
            sums, counts = sums[:-1] + sums[1:], counts[:-1] + counts[1:]
        return (sums / np.sqrt(np.maximum(counts, 1))).astype(np.float32)


@cache
def model() -> Model:
    """The model that comes with Trimtab, read when it is first asked for."""
    return Model.read((files("trimtab.signals") / "weights" / "injection.npz").read_bytes())
