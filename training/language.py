"""Makes the weights of the signal `language` from texts of our own making.

Run from the repository root: python -m training.language [--check]

Features are whole words, trigrams of padded words, and letters beyond ASCII; the weight of a
feature in a language is the logarithm of how much likelier it is there than in the languages of the
same script on average. `--check` leaves out every sixth sentence, and says how many are found.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from trimtab.signals.language import CYRILLIC, LATIN, Weights, features, likeliest

TEXTS = Path("training/texts")
WEIGHTS = Path("src/trimtab/signals/weights/language.npz")
ENGLISH = ("benign_customers", "benign_tasks", "benign_scary")

SMOOTHING = 0.2
CLIP = 5.0
STEPS = 25.0  # of the int8 weights for one nat
WORTH = {"word": 1.0, "trigram": 0.35, "letter": 0.6}
LEAST_ENGLISH = 4


def labelled() -> Iterator[tuple[str, str]]:
    """The texts with their languages."""
    for line in (TEXTS / "languages.txt").read_text("utf-8").splitlines():
        if not line.startswith("# "):
            code, _, text = line.partition(": ")
            yield code, text
    for name in ENGLISH:
        for line in (TEXTS / f"{name}.txt").read_text("utf-8").splitlines():
            if not line.startswith("# ") and line.isascii():
                yield "en", line.replace("\\n", " ")


def script_of(code: str) -> str:
    if code in CYRILLIC:
        return "cyrillic"
    return "latin" if code in LATIN else "arabic"


def kind_of(feature: str) -> str:
    if len(feature) == 1:
        return "letter"
    is_word = feature[0] == feature[-1] == " "
    return "word" if is_word else "trigram"


def train(texts: Iterable[tuple[str, str]]) -> Weights:
    counts: dict[str, Counter[str]] = {}
    for code, text in texts:
        counts.setdefault(code, Counter()).update(features(text, len(text)))
    rare = [f for f, n in counts["en"].items() if n < LEAST_ENGLISH and kind_of(f) != "letter"]
    for feature in rare:
        del counts["en"][feature]
    codes = sorted(counts)
    every = sorted(set().union(*counts.values()))
    rows = np.zeros((len(every), len(codes)), dtype=np.int8)
    place = {feature: at for at, feature in enumerate(every)}
    for script in ("latin", "cyrillic", "arabic"):
        columns = [at for at, code in enumerate(codes) if script_of(code) == script]
        for kind, worth in WORTH.items():
            some = [f for f in every if kind_of(f) == kind]
            found = np.array([[counts[codes[c]][f] for c in columns] for f in some], dtype=float)
            seen = found.sum(axis=1) > 0
            share = (found + SMOOTHING) / (found.sum(axis=0) + SMOOTHING * seen.sum())
            odds = np.log(share) - np.log(share.mean(axis=1, keepdims=True))
            steps = np.round(np.clip(odds, -CLIP, CLIP) * worth * STEPS)
            steps[~seen] = 0
            at = np.array([place[f] for f in some])
            rows[at[:, None], np.array(columns)] = steps.astype(np.int8)
    return Weights(codes=tuple(codes), place=place, rows=rows, steps=STEPS)


def check(texts: list[tuple[str, str]]) -> None:
    right = total = 0
    missed: Counter[str] = Counter()
    for fold in range(6):
        weights = train(
            pair for at, pair in enumerate(texts) if at % 6 != fold or len(pair[1]) > 300
        )
        for at, (code, text) in enumerate(texts):
            if at % 6 == fold and len(text) <= 300:
                found, _ = likeliest(text, weights.model(script_of(code)))
                total += 1
                right += found == code
                missed[f"{code}->{found}"] += found != code
    print(f"{right} of {total}", {k: n for k, n in missed.most_common() if n})


def main() -> None:
    texts = list(labelled())
    if "--check" in sys.argv:
        check(texts)
        return
    weights = train(texts)
    WEIGHTS.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        WEIGHTS,
        codes=np.array(" ".join(weights.codes)),
        features=np.array("\n".join(weights.place)),
        rows=weights.rows,
        steps=np.array(weights.steps),
    )
    size = math.ceil(WEIGHTS.stat().st_size / 1024)
    print(f"{len(weights.codes)} languages, {len(weights.place)} features, {size} KiB")


if __name__ == "__main__":
    main()
