"""`groundedness`: how much of an answer stands in the retrieved passages, by its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trimtab.dialects.passages import without_citations
from trimtab.measures.terms import STOP_WORDS
from trimtab.measures.text import sentences, words
from trimtab.scorers.abstention import ABSTAINED
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.signals.refusal import is_abstention

NEARLY = 0.75
"""Share of a sentence's content words that one sentence of a passage must hold."""

# An answer or a context beyond this is judged by its beginning, so that no input takes seconds.
_MAX_ANSWER, _MAX_CONTEXT = 20_000, 200_000  # characters
_MAX_CLAIMS, _MAX_SENTENCES = 200, 2_000


@scorer(scale="unit")
def groundedness(output: str, context: list[str]) -> Judgement | Unscored:
    """Share of the answer's sentences that are supported by the retrieved passages.

    A sentence is supported when its words stand in a passage in this order, or when one sentence
    of a passage holds at least `NEARLY` of its content words (words that are not stop words, not
    stemmed) and every number in it. Lexical: a faithful paraphrase can fail, and a sentence that
    turns a passage's words around can pass. An abstention is unscored; without any passage nothing
    is supported.

    >>> groundedness("The port is 8321. Cats are fun.", ["By default the port is 8321."]).value
    0.5
    """
    if is_abstention(output):
        return ABSTAINED
    claims = [words(s) for s in sentences(without_citations(output[:_MAX_ANSWER]))[:_MAX_CLAIMS]]
    claims = [claim for claim in claims if content(claim)]
    if not claims:
        return Unscored("no sentence to judge")
    evidence = Context(context)
    unsupported = [claim for claim in claims if not evidence.supports(claim)]
    supported = len(claims) - len(unsupported)
    return Judgement(
        value=supported / len(claims),
        reason=f"{supported} of {len(claims)} sentences are supported",
        evidence=tuple(" ".join(claim)[:300] for claim in unsupported[:5]),
    )


def content(claim: Iterable[str]) -> set[str]:
    """The words of a claim that carry content.

    >>> sorted(content(["the", "port", "is", "not", "8321"]))
    ['8321', 'not', 'port']
    """
    return {word for word in claim if word not in STOP_WORDS}


class Context:
    """Passages, made ready to be asked whether they support a sentence."""

    def __init__(self, texts: Sequence[str]) -> None:
        left = _MAX_CONTEXT
        self._passages: list[str] = []
        self._sentences: list[set[str]] = []
        for text in texts:
            kept = text[:left]
            left -= len(kept)
            self._passages.append(_in_order(words(kept)))
            self._sentences += [content(words(sentence)) for sentence in sentences(kept)]
        del self._sentences[_MAX_SENTENCES:]

    def supports(self, claim: list[str]) -> bool:
        """Whether a sentence, given as its words, is literally or nearly in a passage."""
        quoted = _in_order(claim)
        if any(quoted in passage for passage in self._passages):
            return True
        wanted = content(claim)
        numbers = {word for word in wanted if any(map(str.isdigit, word))}
        return any(
            numbers <= held and len(wanted & held) >= NEARLY * len(wanted)
            for held in self._sentences
        )


def _in_order(claim: list[str]) -> str:
    """Words as one text in which whole words can be searched."""
    return f" {' '.join(claim)} "
