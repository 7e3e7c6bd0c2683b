"""Fit the confidence of the embedded model and say how well it holds.

    python bench/calibrate_extract.py

Reads docs/*.md and examples/docs_assistant/golden.jsonl. Fits on the split "calibration" only:
first on each half, to measure on the other half, then on all of it, for the coefficients to put
into src/trimtab/providers/extract/confidence.py. The split "golden" is never fitted on. An answer
counts as right when the scorer `answer_correct` passes it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.dialects.passages import ABSTENTION
from trimtab.providers.extract.confidence import COEFFICIENTS, INTERCEPT, Features, confidence
from trimtab.providers.extract.provider import SEARCH_K
from trimtab.providers.extract.reader import Reader, focus
from trimtab.records import Retrieval
from trimtab.retrievers import build_bm25
from trimtab.scorers.correct import answer_correct

ROOT = Path(__file__).parents[1]
RIDGE = 1.0  # on standardised features: keeps a coefficient small unless the examples insist
BINS = 5
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


class Case:
    """One question, what the reader made of it, and whether that is right."""

    def __init__(self, row: dict[str, Any], index: Any, reader: Reader) -> None:
        self.split: str = row["split"]
        self.has_answer = row["expected"] is not None
        started = time.process_time()
        passages = index.search(focus(row["input"]), k=SEARCH_K)
        reading = reader.read(row["input"], passages, max_sentences=2)
        self.cpu_ms = 1e3 * (time.process_time() - started)
        self.features = reading.features if reading else None
        text = " ".join(quote.text for quote in reading.quotes) if reading else ABSTENTION
        judged = answer_correct(text, row["expected"], row["metadata"])
        self.right = bool(reading) and bool(judged.passed)


def cases() -> list[Case]:
    files = sorted((ROOT / "docs").glob("*.md"))
    documents = [(f"docs/{file.name}", file.read_text(encoding="utf-8")) for file in files]
    index = build_bm25(Retrieval(corpus="docs"), documents)
    reader = Reader()
    lines = (ROOT / "examples/docs_assistant/golden.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows[:20]:
        Case(row, index, reader)  # fills the cache of stems before anything is timed
    return [Case(row, index, reader) for row in rows]


def fit(some: list[Case]) -> tuple[float, Features]:
    """Ridge logistic regression by Newton's method (Hastie et al. 2009, section 4.4)."""
    data = [case for case in some if case.features is not None]
    x = np.array([case.features for case in data])
    y = np.array([case.right for case in data], dtype=float)
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(x)), (x - mean) / deviation])
    penalty = np.diag([0.0, *[RIDGE] * x.shape[1]])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (y - p) - penalty @ weights
        weights += np.linalg.solve((design.T * (p * (1 - p))) @ design + penalty, gradient)
    slopes = weights[1:] / deviation
    return float(weights[0] - slopes @ mean), Features(*slopes.tolist())


def predict(case: Case, intercept: float, slopes: Features) -> float:
    if case.features is None:
        return 0.0
    logit = intercept + sum(a * b for a, b in zip(slopes, case.features, strict=True))
    return float(1 / (1 + np.exp(-logit)))


def report(title: str, some: list[Case], probabilities: list[float]) -> None:
    p, right = np.array(probabilities), np.array([case.right for case in some], dtype=float)
    rate = right.mean()
    wins = (p[right == 1][:, None] > p[right == 0]).mean()
    ties = (p[right == 1][:, None] == p[right == 0]).mean()
    bins = np.array_split(np.argsort(p, kind="stable"), BINS)
    ece = sum(len(b) * abs(p[b].mean() - right[b].mean()) for b in bins) / len(p)
    brier, chance = ((p - right) ** 2).mean(), rate * (1 - rate)
    print(f"\n{title}: {len(some)} questions, {sum(c.has_answer for c in some)} with an answer")
    print(f"  right when it always answers  {rate:.3f}")
    print(f"  AUC {wins + ties / 2:.3f}   Brier {brier:.3f} (base rate {chance:.3f})   ", end="")
    print(f"ECE {ece:.3f} ({BINS} equal bins)")
    print("  abstain_below  answered  right of answered  abstained when it should  correct overall")
    without = np.array([not case.has_answer for case in some])
    for threshold in THRESHOLDS:
        answers = p >= threshold
        precise = right[answers].mean() if answers.any() else float("nan")
        correct = np.where(without, ~answers, answers & (right == 1)).mean()
        print(
            f"  {threshold:13.1f}  {answers.mean():8.3f}  {precise:17.3f}"
            f"  {(~answers[without]).mean():24.3f}  {correct:15.3f}"
        )


def main() -> None:
    everything = cases()
    calibration = [case for case in everything if case.split == "calibration"]
    halves = calibration[0::2], calibration[1::2]
    fitted = fit(halves[0]), fit(halves[1])
    held_out = [
        *(predict(case, *fitted[1]) for case in halves[0]),
        *(predict(case, *fitted[0]) for case in halves[1]),
    ]
    report("Calibration, each half by the other's fit", [*halves[0], *halves[1]], held_out)
    golden = [case for case in everything if case.split == "golden"]
    shipped = [confidence(case.features) if case.features else 0.0 for case in golden]
    report("Golden, never fitted on, by the shipped coefficients", golden, shipped)
    milliseconds = np.array([case.cpu_ms for case in everything])
    print(f"\nCPU per answer: mean {milliseconds.mean():.2f} ms, ", end="")
    print(f"95th percentile {np.quantile(milliseconds, 0.95):.2f} ms")
    intercept, slopes = fit(calibration)
    rounded = Features(*(round(slope, 2) for slope in slopes))
    same = (round(intercept, 2), rounded) == (INTERCEPT, COEFFICIENTS)
    print(
        f"\nFitted on all of the calibration split ({'as shipped' if same else 'NOT as shipped'}):"
    )
    print(f"INTERCEPT = {intercept:.2f}\nCOEFFICIENTS = {rounded}")


if __name__ == "__main__":
    main()
