"""Fits the bias of `trimtab.signals.groundedness`, tries its weights, and measures both.

    python -m training.groundedness DATA

Fitted to HaluEval-QA (MIT), answers of one length only, so that length says nothing, and on
sentences made of its passages: kept, shortened and reworded ones are supported; sentences of the
most similar other passage, with swapped words or numbers, spliced out of two, or about the speakers
are not. No row of BEGIN is trained on: its licence is not known, and all of it is unseen.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import rankdata

from trimtab.embeddings.table import table
from trimtab.signals.finding import Reading
from trimtab.signals.groundedness import WEIGHTS, Groundedness
from trimtab.signals.signal import About
from trimtab.signals.support import COMMON, Source, Support, sentences, weighted
from trimtab.signals.text import Text

SCORECARD = Path("src/trimtab/signals/scorecards/groundedness.json")
_GLUED = re.compile(r"(?<=[a-z)\]\"])\.(?=[A-Z])")
_RIDGE = 1e-3
_ANSWER_WORDS = range(4, 13)
_OPENINGS = ("Yes, ", "Well, ", "Right: ", "As far as is known, ", "I read that ", "", "", "", "")
_PERSONAL = (
    "I love that, do you like it as well?",
    "My sister went there last year and would not stop talking about it.",
    "I have never tried it myself, but I would like to one day.",
    "What do you think of it?",
    "We used to do that every summer when I was a child.",
    "That is my favourite, I could watch it all day.",
    "Did you hear about it on the news this morning?",
    "I am not so sure, my friends say something else.",
)

Rows = npt.NDArray[np.float64]


class Claim(NamedTuple):
    """A text, what it is held against, whether that supports it, and how it was made."""

    text: str
    context: str
    is_supported: bool
    kind: str


def main(data: Path) -> None:
    rows = _rows(data / "groundedness.jsonl.gz")
    halueval = [row for row in rows if row["source"] == "halueval_qa1"]
    claims = [*_answers(halueval), *made(sorted({row["context"] for row in halueval}))]
    kinds = Counter(claim.kind for claim in claims)
    values = np.array([_values(claim.text, claim.context) for claim in claims])
    free, bias = fit(values, claims, kinds)
    print("free weights", dict(zip(Support._fields, free.round(2).tolist(), strict=True)), bias)
    _report_free(rows, free)
    factor, bias = fit(values @ WEIGHTS[:, None], claims, kinds)
    print("shipped weights times", factor.round(2), "bias", round(bias, 2))
    report(rows, kinds)


def made(passages: Sequence[str], *, seed: int = 3) -> list[Claim]:
    """Claims made of passages, about as many of each kind."""
    chance = random.Random(seed)
    found = []
    near = _nearest(passages)
    for at, passage in enumerate(passages):
        others = chance.sample(range(len(passages)), chance.choice((0, 0, 1, 3, 8)))
        parts = [passage, *(passages[one] for one in others if near[at] != one)]
        chance.shuffle(parts)
        context = _GLUED.sub(". ", " ".join(parts))
        own = _sentences(passage)
        foreign = _sentences(passages[near[at]])
        for kind, is_supported, make in _MAKERS:
            text = make(own, foreign, chance)
            if text:
                found.append(Claim(chance.choice(_OPENINGS) + text, context, is_supported, kind))
    return found


def fit(values: Rows, claims: Sequence[Claim], kinds: Counter[str]) -> tuple[Rows, float]:
    """Logistic regression whose weights are not negative; each kind weighs the same."""
    right = np.array([1.0 if claim.is_supported else -1.0 for claim in claims])
    shares = np.array([1 / kinds[claim.kind] for claim in claims])
    for sign in (1, -1):
        shares[right == sign] /= 2 * shares[right == sign].sum()

    def loss(at: Rows) -> float:
        margins = right * (values @ at[:-1] + at[-1])
        return float(shares @ np.logaddexp(0, -margins) + _RIDGE * at[:-1] @ at[:-1])

    width = values.shape[1]
    best = minimize(loss, np.zeros(width + 1), bounds=[(0, None)] * width + [(None, None)]).x
    return best[:-1], float(best[-1])


def report(rows: Sequence[dict[str, Any]], kinds: Counter[str]) -> None:
    """Measure the signal as it stands on each source, and write its scorecard."""
    signal = Groundedness()
    out = []
    for source in sorted({row["source"] for row in rows}):
        chosen = [row for row in rows if row["source"] == source]
        if source == "halueval_qa1":
            chosen = [row for row in chosen if len(row["text"].split()) in _ANSWER_WORDS]
        readings = [signal.read(Text(r["text"]), About(context=(r["context"],))) for r in chosen]
        risks = np.array([1 - (reading.score or 0) for reading in readings])
        bad = np.array([row["label"] == 1 for row in chosen])
        bar = np.quantile(risks[~bad], 0.99)
        lengths = np.array([float(len(row["text"])) for row in chosen])
        line = {
            "source": source,
            "auc": round(auc(risks, bad), 3),
            "auc_of_length": round(auc(lengths, bad), 3),
            "recall_at_1": round(float((risks[bad] > bar).mean()), 3),
            "found_of_supported": round(_found(readings, ~bad), 3),
            "found_of_unsupported": round(_found(readings, bad), 3),
            "n": len(chosen),
        }
        print(line)
        out.append(line)
    card = {
        "name": signal.name,
        "version": signal.version,
        "sources": [
            {"source": "HaluEval QA, one turn", "licence": "MIT", "rows": kinds["answer"]},
            {
                "source": "made of its passages",
                "licence": "MIT",
                "rows": kinds.total() - kinds["answer"],
            },
        ],
        "threshold": {"unsupported": signal.unsupported_below},
        "leave_one_source_out": [one for one in out if one["source"] != "halueval_qa1"],
        "trained_on": [one for one in out if one["source"] == "halueval_qa1"],
        "hard_negatives": [],
        "limits": "English. Words and what is like them, no inference: a claim that turns what the"
        " context says around is not seen. Thresholds do not carry over from one kind of text to"
        " another: calibrate, and send what scores low to a judge.",
    }
    SCORECARD.parent.mkdir(parents=True, exist_ok=True)
    SCORECARD.write_text(json.dumps(card, indent=1) + "\n")


def _found(readings: Sequence[Reading], chosen: npt.NDArray[np.bool_]) -> float:
    return float(
        np.mean([bool(one.findings) for one, is_it in zip(readings, chosen, strict=True) if is_it])
    )


def _report_free(rows: Sequence[dict[str, Any]], weights: Rows) -> None:
    for source in sorted({row["source"] for row in rows}):
        chosen = [row for row in rows if row["source"] == source]
        risks = np.array([-_values(row["text"], row["context"]) @ weights for row in chosen])
        bad = np.array([row["label"] == 1 for row in chosen])
        print(f"  {source:16} {auc(risks, bad):.3f}")


def _values(text: str, context: str) -> Rows:
    found = sentences(text)
    return weighted(Source([context]).support(found), found)


def auc(values: Rows, positive: npt.NDArray[np.bool_]) -> float:
    ranks = rankdata(values)
    high = positive.sum()
    return float((ranks[positive].sum() - high * (high + 1) / 2) / (high * (~positive).sum()))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().strip().split("\n")
    ]


def _answers(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    return [
        Claim(row["text"], row["context"], row["label"] == 0, "answer")
        for row in rows
        if len(row["text"].split()) in _ANSWER_WORDS
    ]


def _sentences(passage: str) -> list[str]:
    parts = re.split(r"(?<=[.!?])\s+", _GLUED.sub(". ", passage))
    return [part for part in parts if len(part.split()) > 5] or [passage]


def _nearest(passages: Sequence[str]) -> list[int]:
    vectors = table().embed(passages)
    cosines = vectors @ vectors.T
    cosines[cosines > 0.95] = -1  # itself, and others that say the same
    return [int(at) for at in cosines.argmax(axis=1)]


def _kept(own: list[str], _: list[str], chance: random.Random) -> str:
    return chance.choice(own)


def _shortened(own: list[str], _: list[str], chance: random.Random) -> str:
    words = chance.choice(own).split()
    start = chance.randrange(len(words) // 2)
    return " ".join(words[:start] + words[start + chance.randint(2, 6) :])


def _reworded(own: list[str], _: list[str], chance: random.Random) -> str:
    words = [word for word in chance.choice(own).split() if chance.random() > 0.15]
    for at, word in enumerate(words):
        if word.lower() in COMMON:
            words[at] = chance.choice((word, "the", "of", "which", "was", "that", "has"))
        elif word.islower() and word.isalpha() and chance.random() < 0.6:
            words[at] = chance.choice(_alike(word))
    middle = chance.randrange(len(words))
    return " ".join(words[middle:] + words[:middle]) if chance.random() < 0.5 else " ".join(words)


def _combined(own: list[str], _: list[str], chance: random.Random) -> str:
    return " ".join(chance.sample(own, min(2, len(own))))


def _foreign(_: list[str], foreign: list[str], chance: random.Random) -> str:
    return chance.choice(foreign)


def _swapped(own: list[str], foreign: list[str], chance: random.Random) -> str:
    """A sentence with content words of another passage in the place of its own."""
    words = chance.choice(own).split()
    spare = [word for one in foreign for word in one.split() if word.lower() not in COMMON]
    places = [at for at, word in enumerate(words) if word.lower() not in COMMON]
    for at in chance.sample(places, max(1, len(places) * chance.randint(2, 6) // 10)):
        words[at] = chance.choice(spare or ["nothing"])
    return " ".join(words)


def _spliced(own: list[str], foreign: list[str], chance: random.Random) -> str:
    first, last = chance.choice(own).split(), chance.choice([*own, *foreign]).split()
    return " ".join(first[: len(first) // 2] + last[len(last) // 2 :])


def _renumbered(own: list[str], _: list[str], chance: random.Random) -> str:
    chosen = chance.choice(own)
    text = re.sub(r"\d+", lambda _: str(chance.randint(2, 2100)), chosen)
    return text if text != chosen else ""


def _personal(_: list[str], foreign: list[str], chance: random.Random) -> str:
    return chance.choice((*_PERSONAL, f"{chance.choice(foreign)} {chance.choice(_PERSONAL)}"))


_MAKERS: tuple[tuple[str, bool, Callable[[list[str], list[str], random.Random], str]], ...] = (
    ("kept", True, _kept),
    ("shortened", True, _shortened),
    ("reworded", True, _reworded),
    ("combined", True, _combined),
    ("foreign", False, _foreign),
    ("swapped", False, _swapped),
    ("spliced", False, _spliced),
    ("renumbered", False, _renumbered),
    ("personal", False, _personal),
)


@cache
def _names() -> tuple[list[str], npt.NDArray[np.float32]]:
    names = [one for one in table().vocabulary[1_000:20_000] if one.isalpha()]
    return names, table().embed(names)


@cache
def _alike(word: str) -> list[str]:
    """Whole words of the vocabulary near to a word."""
    names, vectors = _names()
    best = np.argsort(-(vectors @ table().embed([word])[0]))[1:4]
    return [names[at] for at in best]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
