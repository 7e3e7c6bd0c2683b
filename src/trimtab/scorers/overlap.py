"""`token_f1`: how many words the answer and the expected text share."""

from __future__ import annotations

from typing import Any

from trimtab.dialects.passages import without_citations
from trimtab.measures import overlap
from trimtab.scorers.definition import Unscored, scorer
from trimtab.scorers.texts import references


@scorer(scale="unit")
def token_f1(output: str, expected: Any) -> float | Unscored:
    """Token F1 of SQuAD (arXiv:1606.05250, section 6.1) between the answer and the expected text.

    2 |A n E| / (|A| + |E|) over bags of tokens, lower case, without punctuation and articles, the
    answer without its citations; the best value over several expected texts. Short expected texts
    punish whole sentences: `answer_correct` does not.

    >>> token_f1("The port is 8321.", "port 8321")
    0.8
    """
    accepted = references(expected)
    if not accepted:
        return Unscored("the expected text is empty")
    answer = without_citations(output)
    return max(overlap.token_f1(answer, reference) for reference in accepted)
