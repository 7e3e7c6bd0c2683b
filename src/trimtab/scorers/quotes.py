"""`quote_in_source` and `citation_ids`: what an answer quotes and cites is really there."""

from __future__ import annotations

import re
from typing import Any

from trimtab.dialects.passages import citations
from trimtab.measures.text import words
from trimtab.records import Passage
from trimtab.scorers.definition import Judgement, Unscored, scorer

_QUOTED = re.compile(
    r"\u201c([^\u201d]{1,2000})\u201d|\u00ab([^\u00bb]{1,2000})\u00bb|\"([^\"\n]{1,2000})\""
)


@scorer(scale="unit")
def quote_in_source(
    output: str, context: list[str], *, least_words: int = 3
) -> Judgement | Unscored:
    """Share of the answer's quotations that stand in a passage, word for word.

    Case, punctuation and white space do not count; an ellipsis parts a quotation into pieces that
    must all be there, in one passage.

    Args:
        least_words: shorter quotations are names or irony and are not looked at.

    >>> quote_in_source('It says "the port is 8321".', ["By default the port is 8321."]).value
    1.0
    """
    quotes = [next(filter(None, found)) for found in _QUOTED.findall(output)]
    quotes = [quote for quote in quotes if len(words(quote)) >= least_words]
    if not quotes:
        return Unscored("nothing is quoted")
    sources = [_in_order(text) for text in context]
    strange = [quote for quote in quotes if not any(_stands(quote, text) for text in sources)]
    found = len(quotes) - len(strange)
    return Judgement(
        value=found / len(quotes),
        reason=f"{found} of {len(quotes)} quotations are in the passages",
        evidence=tuple(quote[:300] for quote in strange[:5]),
    )


@scorer(scale="unit")
def citation_ids(
    output: str,
    passages: tuple[Passage, ...] | None = None,
    context: list[str] | None = None,
    expected: Any = None,
) -> dict[str, Any] | Unscored:
    """Whether what is cited was retrieved (`valid`), and is what should be cited.

    `precision` and `recall` are against the ids that the row expects, as `{"citations": [...]}`.
    Citations are ids in brackets, or places among the passages, from 1.

    >>> citation_ids("It is 8321 [1].", context=["The port is 8321."])["valid"]
    1.0
    """
    known = [passage.id for passage in passages or ()]
    size = len(known) or len(context or ())
    cited = list(dict.fromkeys([*citations(output), *re.findall(r"\[(\d{1,4})\](?!\()", output)]))
    wanted = _wanted(expected)
    if not cited:
        return {"recall": 0.0} if wanted else Unscored("nothing is cited")
    named = [_id(citation, known, size) for citation in cited]
    scores: dict[str, Any] = {"valid": sum(name is not None for name in named) / len(named)}
    if wanted:
        # A passage that is cited twice, by its id and by its place, counts once.
        different = {name or citation for name, citation in zip(named, cited, strict=True)}
        right = wanted.intersection(different)
        scores["precision"] = len(right) / len(different)
        scores["recall"] = len(right) / len(wanted)
    return scores


def _wanted(expected: Any) -> set[str]:
    ids = expected.get("citations") if isinstance(expected, dict) else None
    several = ids if isinstance(ids, list | tuple) else [ids]
    return {str(name) for name in several if isinstance(name, str | int)}


def _id(citation: str, known: list[str], size: int) -> str | None:
    """The passage a citation means; None for one that was not retrieved."""
    if citation in known:
        return citation
    if citation.isdigit() and 1 <= int(citation) <= size:
        return known[int(citation) - 1] if known else citation
    return None


def _stands(quote: str, source: str) -> bool:
    pieces = [_in_order(piece) for piece in re.split(r"\.{3}|\u2026|\[\.\.\.\]", quote)]
    return all(piece in source for piece in pieces if piece.strip())


def _in_order(text: str) -> str:
    """The words of a text as one in which whole words can be searched."""
    return f" {' '.join(words(text))} "
