"""`answer_correct`: the headline of an assistant that answers from documents, by its words."""

from __future__ import annotations

from typing import Any

from trimtab.dialects.passages import without_citations
from trimtab.measures.terms import STOP_WORDS
from trimtab.measures.text import words
from trimtab.scorers.abstention import UNKNOWN, should_abstain
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references
from trimtab.signals.refusal import is_abstention

ENOUGH = 0.6
"""Share of the expected answer's content words that a correct answer holds."""


@scorer
def answer_correct(
    output: str, expected: Any = None, metadata: dict[str, Any] | None = None
) -> Judgement | Unscored:
    """Passes when a question that has an answer got it, and one that has none got an abstention.

    An answer is right when it does not abstain and holds at least `ENOUGH` of the content words of
    the expected text (of one of them, for a list) and all of its numbers: token recall, as in
    SQuAD's F1 (arXiv:1606.05250) without precision, so a long answer is not punished. Lexical: a
    right answer in other words fails, and one that denies the expected text can pass.

    >>> answer_correct("By default the server listens on 8321.", "The default port is 8321").passed
    True
    """
    should = should_abstain(expected, metadata or {})
    if should is None:
        return UNKNOWN
    did = is_abstention(output)
    if should or did:
        verdict = "abstained" if did else "answered a question that has no answer"
        missed = "" if should else " from a question that has an answer"
        return Judgement(passed=should and did, reason=verdict + missed)
    accepted = references(expected) if expected is not None else []
    if not accepted:
        return Unscored("missing: expected")
    held = set(words(without_citations(output)))
    best = max((_Match(reference, held) for reference in accepted), key=_Match.rank)
    return Judgement(
        passed=best.right,
        reason=f"holds {best.recall:.0%} of the expected words"
        + (f" but not {', '.join(best.numbers[:5])}" if best.numbers else ""),
        evidence=tuple(best.missing[:10]),
    )


class _Match:
    """How much of one expected text an answer holds."""

    def __init__(self, reference: str, held: set[str]) -> None:
        everything = dict.fromkeys(words(without_citations(reference)))
        wanted = [word for word in everything if word not in STOP_WORDS] or list(everything)
        self.missing = [word for word in wanted if word not in held]
        self.numbers = [word for word in self.missing if any(map(str.isdigit, word))]
        self.recall = 1 - len(self.missing) / len(wanted) if wanted else 0.0
        self.right = self.recall >= ENOUGH and not self.numbers

    def rank(self) -> tuple[bool, float]:
        return self.right, self.recall
