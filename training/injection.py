"""Train the injection signal: `python -m training.injection DATA`, DATA the development data.

Prints what a model says of each source it was trained without, then trains on all and writes the
weights and the scorecard. Deterministic: the same texts give the same bytes. About ten minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from training import injection_rows as sources
from training.injection_card import save
from training.injection_features import windows
from training.injection_rows import Row
from training.injection_trainer import Linear, Trainer, dense

from trimtab.signals.injection.passage import FloatArray

FOLDS = 5
SIGNALS = Path(__file__).parent.parent / "src" / "trimtab" / "signals"


def left_out(trainer: Trainer, names: Sequence[str]) -> dict[str, FloatArray]:
    """For each source, the scores of its texts by a model that never saw it."""
    found = {}
    for name in names:
        index = trainer.names.index(name)
        model = trainer.fit(trainer.source != index)
        own = np.array([row.source == name for row in trainer.rows])
        found[name] = trainer.scores(model, np.flatnonzero(own[trainer.seen.owner]))
        print(f"  left out {name}", flush=True)
    return found


def other_sources(trainer: Trainer, model: Linear, rows: Sequence[Row]) -> FloatArray:
    """The scores of texts that are no part of the training, by the model of all."""
    seen = windows(rows, most=None)
    grams, rest, bias = model
    sums = seen.matrix(trainer.columns) @ grams + dense(seen) @ rest + bias
    found = np.full(len(rows), -np.inf, np.float32)
    np.maximum.at(found, seen.owner, sums)
    return found


def folds(trainer: Trainer) -> FloatArray:
    """Scores of every row by a model that saw no row of its part."""
    part = np.array([part_of(row) for row in trainer.rows])
    found = np.zeros(len(trainer.rows), np.float32)
    for number in range(FOLDS):
        out = part == number
        model = trainer.fit(~out[trainer.seen.owner])
        found[out] = trainer.scores(model, np.flatnonzero(out[trainer.seen.owner]))
        print(f"  fold {number + 1} of {FOLDS}", flush=True)
    return found


def part_of(row: Row) -> int:
    """Texts with the same first words go to the same part."""
    first = " ".join(row.text.lower().split()[:3])
    return sha256(first.encode("utf-8", "replace")).digest()[0] % FOLDS


def main(data: Path) -> None:
    """Train, measure, write."""
    trainer = Trainer(sources.everything(data))
    print(
        f"{len(trainer.rows)} texts, {len(trainer.source)} windows, {len(trainer.columns)} n-grams"
    )
    own = [name for name in trainer.names if name.startswith("own_") or name in sources.LICENSED]
    out = left_out(trainer, own)
    in_parts = folds(trainer)
    final = trainer.fit(np.ones(len(trainer.source), bool))
    rows = sources.unseen(data)
    seen = other_sources(trainer, final, rows)
    for name in sources.UNSEEN:
        for label, word in ((0, "harmless"), (1, "attacks")):
            of = np.array([row.source == name and row.label == label for row in rows])
            out[f"{name}_{word}"] = seen[of]
    save(trainer, in_parts, out, final, SIGNALS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
