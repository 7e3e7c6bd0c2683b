"""Makes the trigram table of the signal `gibberish` from texts of our own making.

Run from the repository root: python -m training.gibberish

The table holds, for each two letters (or the edge of a word), how likely each letter follows.
Every language in Latin script counts alike, English three times. It says at which likelihood the
rarest 0.3, 1 and 3 % of words lie that were left out of it, and how many random words lie below.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
from training.language import labelled

from trimtab.signals import gibberish
from trimtab.signals.language import LATIN, features

WEIGHTS = Path("src/trimtab/signals/weights/gibberish.npz")
STEPS = 12.0
SMOOTHING = 0.003
UNSEEN = 0.15  # of the likelihood that a bigram gives, for the trigrams that were not seen


def words() -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for code, text in labelled():
        if code in LATIN:
            padded = (f.strip() for f in features(text, 0) if f[0] == f[-1] == " ")
            plain = (gibberish.latin(word) for word in padded)
            found.setdefault(code, Counter()).update(word for word in plain if word)
    return found


def trigrams(words_by_code: dict[str, Counter[str]]) -> np.ndarray:
    counts = np.zeros((27, 27, 27))
    for code, counter in words_by_code.items():
        own = np.zeros((27, 27, 27))
        for word, times in counter.items():
            codes = [0, *(ord(c) - 96 for c in word), 0]
            for a, b, c in zip(codes, codes[1:], codes[2:], strict=False):
                own[a, b, c] += min(times, 5)
        counts += own / own.sum() * (3 if code == "en" else 1)
    pairs = counts.sum(axis=0) + 1e-5
    follows = pairs / pairs.sum(axis=1, keepdims=True)
    before = counts.sum(axis=2, keepdims=True)
    scale = SMOOTHING / counts.sum()
    share = (counts + UNSEEN * scale * follows) / (before + UNSEEN * scale)
    rare = UNSEEN * follows[None] * np.ones((27, 1, 1)) / 10
    odds: np.ndarray = np.log(np.maximum(np.maximum(share, rare), 2e-5))
    return odds


def main() -> None:
    every = words()
    rng = random.Random(7)
    kept: dict[str, Counter[str]] = {}
    left: list[str] = []
    for code, counter in every.items():
        out = {w for w in counter if rng.random() < 0.15}
        kept[code] = Counter({w: n for w, n in counter.items() if w not in out})
        left += [w for w in out if len(w) > 3]
    for name, chosen in (("left out", kept), ("shipped", every)):
        steps = np.clip(np.round(trigrams(chosen) * STEPS), -127, 0).astype(np.int8)
        np.savez_compressed(WEIGHTS, table=steps, steps=np.array(STEPS))
        gibberish.table.cache_clear()
        report(name, left, rng)
    print(f"{WEIGHTS.stat().st_size / 1024:.0f} KiB")


def report(name: str, left: list[str], rng: random.Random) -> None:
    keys = "asdfghjklqwertyuiopzxcvbnm"
    for low, high in ((4, 6), (7, 12)):
        real = [w for w in left if low <= len(w) <= high]
        mash = ["".join(rng.choices(keys, k=rng.randint(low, high))) for _ in range(2000)]
        lows = np.quantile([gibberish.likelihood(w) for w in real], [0.003, 0.01, 0.03])
        random_ones = np.array([gibberish.likelihood(w) for w in mash])
        caught = [f"{(random_ones < x).mean():.2f}" for x in lows]
        print(name, (low, high), len(real), "words; lowest", lows.round(2), "random below", caught)


if __name__ == "__main__":
    main()
