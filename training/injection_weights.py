"""The trained model as it is shipped: int8 weights in buckets, each with a check of its n-gram."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trimtab.signals.injection.features import ID_BITS
from trimtab.signals.injection.model import CHECK_BITS
from trimtab.signals.injection.passage import FloatArray

MOST = 170_000
"""N-grams that are shipped, those that weigh the most."""


def write(
    path: Path,
    ids: npt.NDArray[np.int64],
    grams: FloatArray,
    dense: tuple[FloatArray, FloatArray],
    numbers: tuple[float, float, float],
) -> str:
    """Write the weights; returns their version.

    Args:
        path: of the file.
        ids: of the n-grams, with `grams`, their weights.
        dense: weights of the vector and of the families.
        numbers: bias, slope, offset.
    """
    heavy = np.argsort(np.abs(grams), kind="stable")[-MOST:]
    heavy = heavy[grams[heavy] != 0]
    scale = float(np.quantile(np.abs(grams[heavy]), 0.9995)) / 127
    weights = np.zeros(1 << (ID_BITS - CHECK_BITS), np.int8)
    checks = np.zeros(len(weights), np.uint8)
    buckets = ids[heavy] >> CHECK_BITS
    weights[buckets] = np.clip(np.rint(grams[heavy] / scale), -127, 127).astype(np.int8)
    checks[buckets] = (ids[heavy] & ((1 << CHECK_BITS) - 1)).astype(np.uint8)
    checks[weights == 0] = 0
    bias, slope, offset = numbers
    parts = {
        "weights": weights,
        "checks": checks,
        "vector": dense[0],
        "family": dense[1],
        "numbers": np.array([scale, bias, slope, offset], np.float64),
    }
    digest = sha256(b"".join(part.tobytes() for part in parts.values())).hexdigest()
    data = BytesIO()
    np.savez_compressed(data, version=np.array(digest[:12]), **parts)
    path.write_bytes(data.getvalue())
    return digest[:12]
