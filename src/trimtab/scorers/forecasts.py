"""`classification` and `calibration`: labels and probabilities, held against what was right.

Each row gives what a reducer needs; the numbers of a whole run (macro F1, ECE) come of all rows.
"""

from __future__ import annotations

from typing import Any

from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import text


@scorer
def classification(output: str, expected: Any) -> Judgement | Unscored:
    """Passes when the answer is the expected label, case, white space and a last full stop aside.

    Over a run: accuracy, balanced accuracy, macro and weighted precision, recall and F1, and MCC.

    >>> classification("Spam.", "spam").passed
    True
    """
    wanted = label(text(expected))
    return Judgement(passed=label(output) == wanted, evidence=(label(output), wanted))


@scorer(scale="unit", higher_is_better=False)
def calibration(
    metadata: dict[str, Any], output: Any, expected: Any = None
) -> Judgement | Unscored:
    """The Brier score (p - y)^2 of a stated probability; y says whether the answer was right.

    p is `probability` of an answer that is an object, or `metadata.probability`; y is
    `metadata.outcome`, or whether the answer is what was expected. Over a run: the mean (Brier
    1950), and the expected calibration error.

    >>> calibration({"probability": 0.9, "outcome": True}, "yes").value
    0.01
    """
    stated = output.get("probability") if isinstance(output, dict) else None
    p = metadata.get("probability") if stated is None else stated
    if not isinstance(p, int | float) or isinstance(p, bool) or not 0 <= p <= 1:
        return Unscored("missing: a probability from 0 to 1")
    outcome = metadata.get("outcome")
    if outcome is None:
        if expected is None:
            return Unscored("missing: outcome")
        answer = output.get("answer", output) if isinstance(output, dict) else output
        outcome = label(text(answer)) == label(text(expected))
    return Judgement(
        value=round((p - bool(outcome)) ** 2, 12),
        evidence=(repr(float(p)), str(int(bool(outcome)))),
    )


def label(said: str) -> str:
    """A label as it is compared.

    >>> label(" Spam. ")
    'spam'
    """
    return said.strip().removesuffix(".").strip("\"'`*").casefold()
