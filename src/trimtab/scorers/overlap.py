"""`token_f1`, `rouge`, `bleu`, `chrf`, `ter` and `levenshtein`: how near an answer's words come.

Each takes the best value over several expected texts. Citations of passages do not count.
"""

from __future__ import annotations

from typing import Any, Literal

from trimtab.dialects.passages import without_citations
from trimtab.scorers.definition import Unscored, scorer
from trimtab.scorers.exact import NO_EXPECTED
from trimtab.scorers.texts import references

RougeKind = Literal["rouge1", "rouge2", "rougeL", "rougeLsum"]

_MOST_CHARACTERS = 100_000  # time grows with the square of the length
_MOST_WORDS = 1_000


@scorer(scale="unit")
def token_f1(output: str, expected: Any) -> float | Unscored:
    """Token F1 of SQuAD (arXiv:1606.05250, section 6.1) between the answer and the expected text.

    2 |A n E| / (|A| + |E|) over bags of tokens, lower case, without punctuation and articles. Short
    expected texts punish whole sentences: `answer_correct` does not.

    >>> token_f1("The port is 8321.", "port 8321")
    0.8
    """
    from trimtab.measures import overlap

    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    answer = without_citations(output)
    return max(overlap.token_f1(answer, reference) for reference in accepted)


@scorer(scale="unit")
def rouge(
    output: str, expected: Any, *, kind: RougeKind = "rougeL", stemmed: bool = False
) -> float | Unscored:
    """F1 of ROUGE-1, -2, -L or -Lsum (Lin 2004); English letters and digits only.

    Args:
        kind: n-grams of one or two words, the longest common subsequence of the texts, or that of
            their lines.
        stemmed: words are compared by Porter's stems.

    >>> rouge("the cat sat", "the cat slept", kind="rouge2")
    0.5
    """
    from trimtab.measures import rouge as measure

    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    answer = without_citations(output)
    if any(len(text) > _MOST_CHARACTERS for text in [answer, *accepted]):
        return Unscored(f"too long to compare: more than {_MOST_CHARACTERS} characters")
    return measure.rouge(answer, accepted, kinds=[kind], stemmed=stemmed)[kind].f1


@scorer(scale=(0, 100))
def bleu(output: str, expected: Any, *, lowercase: bool = False) -> float | Unscored:
    """Sentence BLEU (Papineni et al. 2002) with sacreBLEU's tokens, smoothing and effective order.

    BP exp(mean over n = 1..4 of ln p_n), p_n the clipped precision of n-grams; its tokens are for
    languages written with spaces.

    Args:
        lowercase: case does not count.

    >>> round(bleu("the cat sat on a mat", "the cat sat on the mat"), 4)
    53.7285
    """
    from trimtab.measures import bleu as measure

    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    settings = measure.BleuSettings(effective_order=True, lowercase=lowercase)
    # Rounding can carry a perfect match a hair above 100.
    return min(100.0, measure.bleu(without_citations(output), accepted, settings=settings).score)


@scorer(scale=(0, 100))
def chrf(output: str, expected: Any, *, word_order: Literal[0, 1, 2] = 0) -> float | Unscored:
    """The chrF of an answer (Popovic 2015): F2 of character n-grams, n = 1..6. Any script.

    Args:
        word_order: word n-grams up to so long count as well; 2 is chrF++ (Popovic 2017).

    >>> round(chrf("the cat sat", "the cat slept"), 4)
    55.0165
    """
    from trimtab.measures import chrf as measure

    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    settings = measure.ChrfSettings(word_order=word_order)
    return min(100.0, measure.chrf(without_citations(output), accepted, settings=settings).score)


@scorer(scale=(0, None), higher_is_better=False, timeout_s=60.0)
def ter(output: str, expected: Any) -> float | Unscored:
    """Translation edit rate in percent of the expected words (Snover et al. 2006); may exceed 100.

    Seconds of work for texts of hundreds of words that have little in common.

    >>> ter("sat the cat here", "the cat sat here")
    25.0
    """
    from trimtab.measures import ter as measure

    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    answer = without_citations(output)
    if any(len(text.split()) > _MOST_WORDS for text in [answer, *accepted]):
        return Unscored(f"too long to compare: more than {_MOST_WORDS} words")
    return measure.ter(answer, accepted).score


@scorer(scale="unit")
def levenshtein(output: str, expected: Any, *, ignore_case: bool = False) -> float | Unscored:
    """How few edits of characters make the expected text of the answer, from 0 to 1.

    1 - d / max(|a|, |e|), with d the edit distance (Levenshtein 1966).

    Args:
        ignore_case: case does not count.

    >>> levenshtein("kitten", "sitting")
    0.5714285714285714
    """
    from trimtab.measures import edit

    accepted = references(expected)
    if not accepted:
        return NO_EXPECTED
    answer = without_citations(output)
    if any(len(text) > _MOST_CHARACTERS for text in [answer, *accepted]):
        return Unscored(f"too long to compare: more than {_MOST_CHARACTERS} characters")
    if ignore_case:
        answer, accepted = answer.casefold(), [text.casefold() for text in accepted]
    return max(edit.edit_similarity(answer, reference) for reference in accepted)
