"""Trains the toxicity signal, and measures it on sources that it did not see.

Run from the repository root: python -m training.toxicity DATA [--measure]
DATA is the folder with toxicity.jsonl.gz and injection.jsonl.gz. Without --measure, the weights and
the scorecard are written; with it, only the sources are left out one after the other.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from training.toxicity_forms import IDENTITIES, NOUNS, forms

from trimtab.embeddings.table import table
from trimtab.signals.injection.features import BLOCK, grams
from trimtab.signals.injection.view import view
from trimtab.signals.text import Text
from trimtab.signals.toxicity import Model, worst

SIZE = 1 << 18
SHARPNESS = 6.0
MEANING = 3.0
STRENGTH = 0.1  # C of the regression
WEIGHTS = Path("src/trimtab/signals/weights/toxicity.npz")
CARD = Path("src/trimtab/signals/scorecards/toxicity.json")
TEXTS = Path("training/texts")

LICENCES = {
    "davidson": "MIT",
    "edos": "CC0-1.0",
    "jigsaw_sample": "CC0-1.0",
    "own": "our own",
    "forms": "our own, made of forms",
    "benign": "our own",
    "clinc150": "CC-BY-3.0",
    "halueval_user_query": "MIT",
}
SHARES = {
    "davidson": 4000,
    "edos": 5000,
    "jigsaw_sample": 250,
    "own": 1200,
    "forms": 2500,
    "benign": 1500,
    "clinc150": 700,
    "halueval_user_query": 800,
}
"""How much either label of a source weighs altogether, whatever the number of its rows."""

# EDOS calls sexism by its label, and its other rows are full of other abuse: those that show it by
# such words are left out.
_ABUSE = re.compile(
    rf"(?i)\b(?:{'|'.join(NOUNS)}|fuck\w*|shit\w*|bullshit|stupid|dumb|ass|damn|kill|ugly|hell|"
    r"retard\w*|disgusting|pathetic|nigg\w*|fag\w*)s?\b"
)

Row = tuple[str, int, str]


def rows(data: Path) -> list[Row]:
    """Source, label and text of everything that may be trained on, and of TweetEval to measure."""
    found: list[Row] = []
    for row in _jsonl(data / "toxicity.jsonl.gz"):
        source = "tweeteval" if row["source"].startswith("tweeteval") else row["source"]
        if source == "edos" and row["label"] == 0 and _ABUSE.search(row["text"]):
            source = "edos_left_out"
        found.append((source, row["label"], row["text"]))
    for row in _jsonl(data / "injection.jsonl.gz"):
        if row["source"] in ("clinc150", "halueval_user_query"):
            found += [(row["source"], 0, row["text"])]
    found += (("own", 1, text) for text in lines(TEXTS / "toxicity_toxic.txt"))
    found += (("own", 0, text) for text in lines(TEXTS / "toxicity_benign.txt"))
    for file in sorted(TEXTS.glob("benign_*.txt")):
        if file.stem != "benign_other_languages":
            found += (("benign", 0, text) for text in lines(file))
    found += (("forms", label, text) for text, label in forms(3000, seed=5))
    return found


def lines(file: Path) -> list[str]:
    kept = (line for line in file.read_text("utf-8").splitlines() if line and line[:2] != "# ")
    return [line.replace("\\n", "\n").replace("\\\\", "\\") for line in kept]


def matrix(texts: Iterable[str]) -> sp.csr_matrix:
    """Counts of n-grams over the root of their number, as `signals.toxicity` counts a window."""
    columns, ends = [], [0]
    for text in texts:
        found = grams(view(Text(text).folded))
        # Of a long text the first window: where its label comes from is not known.
        ids = found.ids[found.blocks < 2] & (SIZE - 1)
        columns.append(ids)
        ends.append(ends[-1] + len(ids))
    counts = np.diff(ends)
    values = np.repeat(SHARPNESS / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    made = sp.csr_matrix((values, np.concatenate(columns), ends), shape=(len(counts), SIZE))
    made.sum_duplicates()
    return made


class Data:
    def __init__(self, every: list[Row]) -> None:
        self.source = np.array([row[0] for row in every])
        self.label = np.array([row[1] for row in every])
        meant = table().embed([Text(row[2]).plain[: 2 * BLOCK] for row in every])
        self.features = sp.hstack([matrix(row[2] for row in every), MEANING * meant]).tocsr()
        self.lengths = np.array([len(row[2]) for row in every])

    def fit(self, sources: Iterable[str]) -> Model:
        weight = np.zeros(len(self.label))
        for source in sources:
            for label in (0, 1):
                cell = (self.source == source) & (self.label == label)
                if cell.any():
                    weight[cell] = SHARES[source] / cell.sum()
        used = weight > 0
        fitted = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3).fit(
            self.features[used], self.label[used], sample_weight=weight[used]
        )
        real = fitted.coef_[0, :SIZE] * SHARPNESS
        scale = np.quantile(np.abs(real), 0.9999) / 127
        steps = np.clip(np.round(real / scale), -127, 127).astype(np.int8)
        version = hashlib.sha256(steps.tobytes()).hexdigest()[:8]
        meaning = (fitted.coef_[0, SIZE:] * MEANING).astype(np.float32)
        bias = float(fitted.intercept_[0])
        return Model(version, steps, float(scale), bias, meaning, table().version)

    def said(self, model: Model, chosen: np.ndarray) -> np.ndarray:
        of_grams = model.weights.astype(np.float64) * model.scale / SHARPNESS
        real = np.concatenate([of_grams, model.meaning / MEANING])
        return self.features[chosen] @ real + model.bias


def left_out(data: Data) -> list[dict[str, float | str]]:
    """Each source measured by a model that saw none of it."""
    found = []
    for source in ("davidson", "edos", "jigsaw_sample", "tweeteval"):
        model = data.fit([each for each in LICENCES if each != source])
        # The rows of EDOS that were left out of training are not left out of measuring.
        chosen = np.char.startswith(data.source, source)
        label, said = data.label[chosen], data.said(model, chosen)
        edge = np.quantile(said[label == 0], 0.95)
        found.append(
            {
                "source": source,
                "auc": round(roc_auc_score(label, said), 3),
                "auc_of_length": round(roc_auc_score(label, data.lengths[chosen]), 3),
                "recall_at_5": round(float((said[label == 1] > edge).mean()), 3),
                "n": int(chosen.sum()),
            }
        )
        print(found[-1], flush=True)
    print("macro AUC", round(float(np.mean([one["auc"] for one in found])), 3))
    return found


def risk(model: Model, text: str) -> float:
    found = worst(Text(text), model)
    return float(1 / (1 + np.exp(-found.margin))) if found else 0.0


_FRAMES = (
    "I am {}.",
    "My neighbour is {}.",
    "She is a {} woman.",
    "He is a {} man.",
    "{} people live here.",
    "Is your teacher {}?",
    "My {} friend plays chess.",
    "We are proud to be {}.",
)


def bias(model: Model, data: Path) -> dict[str, float]:
    """How far the score moves with a word that names who somebody is, and nothing else."""
    plain = {frame: risk(model, frame.format("tall")) for frame in _FRAMES}
    moves = {
        word: float(np.mean([risk(model, frame.format(word)) - plain[frame] for frame in _FRAMES]))
        for word in IDENTITIES
    }
    high = np.mean([risk(model, f.format(w)) >= 0.5 for f in _FRAMES for w in IDENTITIES])
    worst = max(moves, key=lambda word: abs(moves[word]))
    print("largest moves", sorted(moves.items(), key=lambda one: -abs(one[1]))[:6])
    pairs = [
        [risk(model, re.sub(r"^\d+ |[\[\]]", "", line)) for line in both]
        for both in zip(
            *(
                gzip.decompress((data / f"bias_winobias_{side}_type1.dev.txt.gz").read_bytes())
                .decode()
                .splitlines()
                for side in ("pro", "anti")
            ),
            strict=True,
        )
    ]
    crows = gzip.decompress((data / "bias_crows_pairs.csv.gz").read_bytes()).decode()
    stereo = [
        (risk(model, row["sent_more"]), risk(model, row["sent_less"]))
        for row in csv.DictReader(io.StringIO(crows))
    ]
    return {
        "identity_frames_at_0.5": round(float(high), 4),
        "largest_mean_move": round(moves[worst], 3),
        "mean_absolute_move": round(float(np.mean(np.abs(list(moves.values())))), 3),
        "winobias_mean_absolute_difference": round(
            float(np.mean([abs(a - b) for a, b in pairs])), 4
        ),
        "crows_pairs_mean_absolute_difference": round(
            float(np.mean([abs(a - b) for a, b in stereo])), 4
        ),
        "crows_pairs_mean_difference": round(float(np.mean([a - b for a, b in stereo])), 4),
    }


_HELD = ("benign_customers", "benign_scary", "benign_security", "benign_tasks")


def main() -> None:
    folder = Path(sys.argv[1])
    every = rows(folder)
    data = Data(every)
    outs = left_out(data)
    if "--measure" in sys.argv:
        return
    hard = []
    without = data.fit([each for each in LICENCES if each != "benign"])
    for name in _HELD:
        said = np.array([risk(without, text) for text in lines(TEXTS / f"{name}.txt")])
        hard.append({"kind": name, "fpr": round(float((said >= 0.5).mean()), 4), "n": len(said)})
    model = data.fit(LICENCES)
    np.savez_compressed(
        WEIGHTS,
        weights=model.weights,
        scale=np.array(model.scale),
        bias=np.array(model.bias),
        version=np.array(model.version),
        meaning=model.meaning,
        table=np.array(model.table),
    )
    unseen = data.source == "tweeteval"
    calm = 1 / (1 + np.exp(-data.said(model, unseen & (data.label == 0))))
    card = {
        "name": "toxicity",
        "version": f"2-{model.version}",
        "sources": [
            {"source": source, "licence": licence, "rows": int((data.source == source).sum())}
            for source, licence in LICENCES.items()
        ],
        "threshold": {
            f"fpr_{share}": round(float(np.quantile(calm, 1 - share / 100)), 3) for share in (1, 5)
        },
        "threshold_source": "TweetEval offensive, never trained on",
        "leave_one_source_out": outs,
        "hard_negatives": hard,
        "identity_bias": bias(model, folder),
        "limits": (
            "English. A monitoring score: hostility without hostile words, irony and quotations "
            "are beyond it; its sources disagree on labels. Ask a model before blocking."
        ),
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card, indent=1), WEIGHTS.stat().st_size)


def _jsonl(path: Path) -> list[dict[str, str | int]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


if __name__ == "__main__":
    main()
