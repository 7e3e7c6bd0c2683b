"""Calibration, the weights' file, the scorecard, and what is printed of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from training.injection_rows import ASIDES, LICENSED, PASSAGES, Row
from training.injection_trainer import FAMILY_SCALE, VECTOR_SCALE, Linear, Trainer
from training.injection_weights import write

from trimtab.signals.injection import rules
from trimtab.signals.injection.passage import FloatArray

EACH = 500
SHARES = {"fpr_0.1": 0.001, "fpr_1": 0.01, "fpr_2": 0.02, "fpr_5": 0.05}
SHIPPED = "fpr_1"
LIMITS = (
    "English first; of other languages the commonest phrasings only. What is an attack only by "
    "where it stands, such as a bare task inside a document, cannot be told from its text. A "
    "harmful question that does not try to change the model's rules scores low on purpose."
)


def by_source(rows: Sequence[Row], scores: FloatArray, label: int) -> dict[str, FloatArray]:
    """The scores of the rows of a label, by source."""
    names = np.array([row.source if row.label == label else "" for row in rows])
    return {str(name): scores[names == name] for name in np.unique(names) if name}


def pooled(scores: Mapping[str, FloatArray]) -> FloatArray:
    """Scores of all sources, of each at most `EACH`, evenly from low to high."""
    return np.concatenate(
        [
            np.sort(of)[np.linspace(0, len(of) - 1, min(EACH, len(of))).astype(int)]
            for of in scores.values()
        ]
    )


def slope(attacks: FloatArray, harmless: FloatArray) -> float:
    """How fast the log-odds rise with a sum (Platt 1999)."""
    sums = np.concatenate([attacks, harmless])[:, None]
    labels = np.repeat([1, 0], [len(attacks), len(harmless)])
    return float(LogisticRegression(class_weight="balanced").fit(sums, labels).coef_[0, 0])


def save(
    trainer: Trainer,
    in_parts: FloatArray,
    left_out: Mapping[str, FloatArray],
    final: Linear,
    signals: Path,
) -> None:
    """Write weights and scorecard, and print the scorecard.

    Args:
        trainer: what was trained on.
        in_parts: the score of each row by a model that saw no text of its part.
        left_out: scores of sources by models that saw none of them.
        final: the model of all rows.
        signals: the folder of the signals.
    """
    harmless = pooled(
        {
            name: of
            for name, of in by_source(trainer.rows, in_parts, 0).items()
            if not name.startswith(("made", "long"))
        }
    )
    steep = slope(pooled(by_source(trainer.rows, in_parts, 1)), harmless)
    cuts = {name: float(np.quantile(harmless, 1 - share)) for name, share in SHARES.items()}
    cut = cuts[SHIPPED]
    grams, rest, bias = final
    dimensions = len(rest) - len(rules.NAMES)
    version = write(
        signals / "weights" / "injection.npz",
        trainer.columns,
        grams,
        (rest[:dimensions] * VECTOR_SCALE, rest[dimensions:] * FAMILY_SCALE),
        (bias, steep, -steep * cut),
    )
    card = {
        "name": "injection",
        "version": version,
        "sources": _sources(trainer.rows),
        "threshold": {
            name: round(float(1 / (1 + np.exp(-steep * (at - cut)))), 4)
            for name, at in cuts.items()
        },
        **_figures(left_out, cut),
        "limits": LIMITS,
    }
    path = signals / "scorecards" / "injection.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


def _sources(rows: Sequence[Row]) -> list[dict[str, Any]]:
    licences = {**LICENSED, **ASIDES, **PASSAGES}
    counts = Counter(row.source for row in rows if not row.source.startswith("long"))
    return [
        {"source": name, "licence": licences.get(name, "of our own making"), "rows": rows_of}
        for name, rows_of in sorted(counts.items())
    ]


def _figures(left_out: Mapping[str, FloatArray], cut: float) -> dict[str, list[dict[str, Any]]]:
    """Attacks against all harmless sources left out; harmless ones at the shipped threshold."""
    attacks = {n: of for n, of in left_out.items() if _is_attack(n)}
    harmless = {n: of for n, of in left_out.items() if not _is_attack(n)}
    pool = pooled(harmless)
    one_percent = float(np.quantile(pool, 0.99))
    return {
        "leave_one_source_out": [
            {
                "source": name,
                "auc": round(_auc(of, pool), 3),
                "recall_at_1": round(float(np.mean(of > one_percent)), 3),
                "recall": round(float(np.mean(of > cut)), 3),
                "n": len(of),
            }
            for name, of in attacks.items()
        ],
        "hard_negatives": [
            {"kind": name, "fpr": round(float(np.mean(of > cut)), 4), "n": len(of)}
            for name, of in harmless.items()
        ],
    }


def _is_attack(name: str) -> bool:
    return "attacks" in name or "jailbreak" in name


def _auc(attacks: FloatArray, harmless: FloatArray) -> float:
    labels = np.repeat([1, 0], [len(attacks), len(harmless)])
    return float(roc_auc_score(labels, np.concatenate([attacks, harmless])))
