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
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import rankdata
from training.groundedness_claims import WRONG, Claim, made, summaries

from trimtab.signals.finding import Reading
from trimtab.signals.groundedness import WEIGHTS, Groundedness
from trimtab.signals.signal import About
from trimtab.signals.support import Source, Support, sentences, weighted
from trimtab.signals.text import Text

SCORECARD = Path("src/trimtab/signals/scorecards/groundedness.json")
_RIDGE = 1e-3
_ANSWER_WORDS = range(4, 13)
_ABSTRACT = 0.5
"""Texts in other words share less than that of their pairs of words with their source."""

Rows = npt.NDArray[np.float64]


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
    report(rows, kinds, summaries(sorted({row["context"] for row in halueval})))


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


def report(rows: Sequence[dict[str, Any]], kinds: Counter[str], told: Sequence[Claim]) -> None:
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
        "in_other_words": _in_other_words(rows),
        "made_summaries": _of_summaries(told),
        "hard_negatives": [],
        "limits": "English. Words and what is like them, no inference: a claim that turns what the"
        " context says around is not seen. Thresholds do not carry over from one kind of text to"
        " another: calibrate, and send what scores low to a judge.",
    }
    SCORECARD.parent.mkdir(parents=True, exist_ok=True)
    SCORECARD.write_text(json.dumps(card, indent=1) + "\n")


def _risk(text: str, context: str) -> float:
    return 1 - (Groundedness().read(Text(text), About(context=(context,))).score or 0)


def _in_other_words(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each source of dialogue, the texts that share few pairs of words with their context."""
    out = []
    for source in sorted({row["source"] for row in rows} - {"halueval_qa1"}):
        chosen = [
            row
            for row in rows
            if row["source"] == source
            and _values(row["text"], row["context"])[Support._fields.index("pairs")] < _ABSTRACT
        ]
        risks = np.array([_risk(row["text"], row["context"]) for row in chosen])
        bad = np.array([row["label"] == 1 for row in chosen])
        out.append({"source": source, "auc": round(auc(risks, bad), 3), "n": len(chosen)})
        print("in other words", out[-1])
    return out


def _of_summaries(told: Sequence[Claim]) -> list[dict[str, Any]]:
    """Summaries of our own making, against those with one sentence that is wrong in some way."""
    risks = np.array([_risk(one.text, one.context) for one in told])
    kinds = np.array([one.kind for one in told])
    out = []
    for kind in ("any", *(name for name, _ in WRONG)):
        chosen = np.isin(kinds, ("summary", kind)) if kind != "any" else np.ones(len(told), bool)
        figure = auc(risks[chosen], kinds[chosen] != "summary")
        out.append({"wrong": kind, "auc": round(figure, 3), "n": int(chosen.sum())})
        print("summaries", out[-1])
    return out


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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
