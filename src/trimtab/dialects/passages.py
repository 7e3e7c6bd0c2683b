"""Retrieved passages inside a prompt, and the answers that cite them.

The gateway writes passages into a system message; the embedded model and the scorers read them
back, so that no text of a document is mistaken for the markup around it. Pure strings.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from trimtab.records import Passage

__all__ = [
    "ABSTENTION",
    "citations",
    "read_passages",
    "without_citations",
    "without_markup",
    "without_passages",
    "write_passages",
]

ABSTENTION = "I could not find this in the documentation."

_OPEN, _CLOSE = "<passages>", "</passages>"
_PASSAGE = re.compile(r'<passage id="([^"<>]*)" heading="([^"<>]*)">([^<]*)</passage>')
_MARKUP = re.compile(r"<(?=/?passages?\b)", re.IGNORECASE)
_CITATION = re.compile(r"(?<![ \t])[ \t]*\[([^\[\]#\n]+#[^\s\[\]]*/\d+)\]")


def write_passages(passages: Iterable[Passage]) -> str:
    """Passages as a block of text for a prompt; an empty block says that nothing was found.

    What comes from a document is escaped as in XML, and no more of it than has to be, for a model
    reads it as it stands: no document can end its passage or begin another, and its quotes and
    arrows stay. Scores are left out: they mean nothing outside the retriever.

    >>> print(write_passages([Passage(id="a.md#ports/0", source="a.md", text="It's 1 < 2 -> ok")]))
    <passages>
    <passage id="a.md#ports/0" heading="">It's 1 &lt; 2 -> ok</passage>
    </passages>
    """
    lines = [
        f'<passage id="{_in_quotes(passage.id)}" heading="{_in_quotes(passage.heading)}">'
        f"{_in_tags(passage.text)}</passage>"
        for passage in passages
    ]
    return "\n".join([_OPEN, *lines, _CLOSE])


def _in_tags(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _in_quotes(text: str) -> str:
    return _in_tags(text).replace(">", "&gt;").replace('"', "&quot;")


def without_markup(text: str) -> str:
    """Text that cannot pose as passages: the markup's angle brackets are escaped, nothing else.

    >>> without_markup("<passages> 1 < 2")
    '&lt;passages> 1 < 2'
    """
    return _MARKUP.sub("&lt;", text)


def read_passages(text: str) -> list[Passage] | None:
    """The passages of the first block in a prompt, in order; None when it has no block.

    Only the first block counts, so text that follows it cannot add to it. What is not well-formed
    is left out. `source` is the id up to its last `#`; scores are 0.

    >>> prompt = write_passages([Passage(id="a.md#x/0", source="a.md", text="1 < 2")])
    >>> [passage.text for passage in read_passages("Answer from these:\\n" + prompt)]
    ['1 < 2']
    """
    start = text.find(_OPEN)
    end = text.find(_CLOSE, start)
    if start < 0 or end < 0:
        return None
    block = _PASSAGE.findall(text, start, end)
    passages = [_passage(*fields) for fields in block]
    return [passage for passage in passages if passage is not None]


def without_passages(text: str) -> str:
    """A prompt without what `read_passages` reads in it: what it tells a model to do, and no more.

    >>> without_passages('Quote them. <passages><passage id="a" heading="">1</passage></passages>')
    'Quote them. <passages></passages>'
    """
    start = text.find(_OPEN)
    end = text.find(_CLOSE, start)
    if start < 0 or end < 0:
        return text
    return text[:start] + _PASSAGE.sub("", text[start:end]) + text[end:]


def _passage(*escaped: str) -> Passage | None:
    try:
        name, heading, text = map(html.unescape, escaped)
    except ValueError:
        return None  # a character reference of thousands of digits
    return Passage(id=name, source=name.rpartition("#")[0] or name, heading=heading, text=text)


def citations(answer: str) -> list[str]:
    """Ids of the passages an answer cites, in order and without repeats.

    >>> citations("It is 8321. [docs/serve.md#ports/0] See [docs/a.md#b/1] [docs/a.md#b/1]")
    ['docs/serve.md#ports/0', 'docs/a.md#b/1']
    """
    return list(dict.fromkeys(_CITATION.findall(answer)))


def without_citations(answer: str) -> str:
    """An answer without its citations, for comparing words.

    >>> without_citations("It is 8321. [docs/serve.md#ports/0]")
    'It is 8321.'
    """
    return _CITATION.sub("", answer)
