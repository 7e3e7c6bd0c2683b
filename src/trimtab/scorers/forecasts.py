"""`classification` and `calibration`: labels and probabilities, held against what was right.

Each row gives what `experiments.reducers` needs in its metadata; the numbers of a whole run (macro
F1, ECE) come of all rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import text


@scorer
def classification(
    output: str, expected: Any, *, labels: Sequence[str] = ()
) -> Judgement | Unscored:
    """Passes when the answer is the expected label, case, white space and a last full stop aside.

    Over a run: accuracy, balanced accuracy, macro precision, recall and F1, weighted F1, and MCC.

    Args:
        labels: all there are; the answer is then the only one of them that it names, or none.

    >>> classification("Spam.", "spam").passed
    True
    >>> classification("I would say this is spam", "spam", labels=["spam", "ham"]).passed
    True
    """
    wanted = label(text(expected))
    if not wanted:
        return Unscored("the expected label is empty")
    given = label(output)
    if labels:
        given = _named(given, [label(each) for each in labels]) or NO_LABEL
    return Judgement(
        passed=given == wanted,
        reason=f"{given}, expected {wanted}"[:500],
        metadata={"predicted": given[:200], "expected": wanted[:200]},
    )


@scorer(scale="unit", higher_is_better=False)
def calibration(
    output: Any, expected: Any = None, metadata: dict[str, Any] | None = None
) -> Judgement | Unscored:
    """The Brier score (p - y)^2 of a stated probability; y says whether the answer was right.

    p is `probability` of an answer that is an object, or `metadata.probability`; y is
    `metadata.outcome`, or whether `answer` of the object, or else the whole answer, is what was
    expected. Over a run: the mean (Brier 1950), and the expected calibration error.

    >>> calibration('{"answer": "Paris", "probability": 0.9}', "Paris").value
    0.01
    """
    output, metadata = _object(output), metadata or {}
    stated = output.get("probability") if isinstance(output, dict) else None
    p = metadata.get("probability") if stated is None else stated
    if not isinstance(p, int | float) or isinstance(p, bool) or not 0 <= p <= 1:
        return Unscored("missing: a probability from 0 to 1")
    outcome = metadata.get("outcome")
    if outcome is not None and outcome not in (0, 1):
        return Unscored("metadata.outcome is neither true nor false")
    if outcome is None:
        if expected is None:
            return Unscored("missing: outcome")
        answer = output.get("answer", output) if isinstance(output, dict) else output
        outcome = label(text(answer)) == label(text(expected))
    return Judgement(
        value=round((p - bool(outcome)) ** 2, 12),
        metadata={"probability": float(p), "outcome": int(bool(outcome))},
    )


def label(said: str) -> str:
    """A label as it is compared.

    >>> label(" Spam. ")
    'spam'
    """
    return said.strip().removesuffix(".").strip("\"'`*").casefold()


NO_LABEL = "(none)"
"""What an answer that names none of the labels, or several, is taken for."""


def _named(given: str, labels: Sequence[str]) -> str | None:
    """The only label that stands in an answer as a word of its own."""
    if given in labels:
        return given
    found = {each for each in labels if re.search(rf"(?<!\w){re.escape(each)}(?!\w)", given)}
    # "not spam" also holds "spam": a label within a longer one that is there does not count.
    longest = [each for each in found if not any(each != o and each in o for o in found)]
    return longest[0] if len(longest) == 1 else None


def _object(output: Any) -> Any:
    """An answer whose text is a JSON object, as that object."""
    said = output if isinstance(output, str | dict) else text(output)
    if isinstance(said, dict) or not said.lstrip().startswith("{"):
        return said
    try:
        return jsonx.decode(said.encode("utf-8", "replace"), what="the answer")
    except InvalidRequest:
        return said
