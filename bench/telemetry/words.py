"""Text that compresses like English: words by Zipf's law, in sentences, the same for a seed."""

from __future__ import annotations

import random
from itertools import accumulate

COMMON = (
    "the of and to a in is that for it you with on as are be this your not have can from or will"
    " was if but by at we an which all there when one has more do what their so about out up into"
    " them time then some would make like only other new could these use after our first also any"
    " how its over because where most me my please account order help number change need day way"
    " back page same between now find still such should does each through before right team data"
    " work long before might while try again take give both under last never again open set send"
)
ONSETS = "b c ch cl d dr f g gr h l m n p pr r s sh st t th tr v w"
NUCLEI = "a e i o u a e i o ea ou"
CODAS = ["", "", "", "", "n", "r", "s", "t", "l", "d", "m", "nt", "st"]
ENDINGS = ["", "", "", "", "", "ed", "ing", "s", "er", "ly", "tion"]
SIZE = 6000


class Words:
    """A vocabulary, and text drawn from it."""

    def __init__(self, seed: int = 1) -> None:
        rng = random.Random(seed)
        words = list(dict.fromkeys(COMMON.split()))
        known = set(words)
        while len(words) < SIZE:
            word = made_up(rng, syllables=1 + (len(words) > 900) + (rng.random() < 0.1))
            if word not in known:
                known.add(word)
                words.append(word)
        self.words = words
        # Mandelbrot's form of Zipf's law: the head of English is flatter than 1/rank.
        self.weights = list(accumulate(1 / (rank + 2.7) for rank in range(SIZE)))

    def text(self, rng: random.Random, length: int) -> str:
        """Sentences of 6 to 18 words, about `length` words in all."""
        drawn = rng.choices(self.words, cum_weights=self.weights, k=length)
        sentences, at = [], 0
        while at < length:
            end = at + 6 + int(rng.random() * 13)
            sentence = " ".join(drawn[at:end])
            sentences.append(sentence[0].upper() + sentence[1:] + ".")
            at = end
        return " ".join(sentences)


def made_up(rng: random.Random, *, syllables: int) -> str:
    onsets, nuclei = ONSETS.split(), NUCLEI.split()
    parts = (rng.choice(onsets) + rng.choice(nuclei) + rng.choice(CODAS) for _ in range(syllables))
    return "".join(parts) + rng.choice(ENDINGS)
