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
    "has_passages",
    "read_passages",
    "without_citations",
    "write_passages",
]

ABSTENTION = "I could not find this in the documentation."

_OPEN, _CLOSE = "<passages>", "</passages>"
_PASSAGE = re.compile(r'<passage id="([^"<>]*)" heading="([^"<>]*)">([^<>]*)</passage>')
_CITATION = re.compile(r"[ \t]*\[([^\s\[\]#]+#[^\s\[\]]+/\d+)\]")


def write_passages(passages: Iterable[Passage]) -> str:
    """Passages as a block of text for a prompt; an empty block says that nothing was found.

    Everything that comes from a document is escaped as in XML, so no document can end its passage
    or begin another. Scores are left out: they mean nothing outside the retriever.

    >>> print(write_passages([Passage(id="a.md#ports/0", source="a.md", text="1 < 2")]))
    <passages>
    <passage id="a.md#ports/0" heading="">1 &lt; 2</passage>
    </passages>
    """
    lines = [
        f'<passage id="{html.escape(passage.id)}" heading="{html.escape(passage.heading)}">'
        f"{html.escape(passage.text)}</passage>"
        for passage in passages
    ]
    return "\n".join([_OPEN, *lines, _CLOSE])


def has_passages(text: str) -> bool:
    """Whether a prompt carries a block of passages, be it an empty one."""
    return (_OPEN in text and _CLOSE in text) or _PASSAGE.search(text) is not None


def read_passages(text: str) -> list[Passage]:
    """The passages written into a prompt, in order; whatever is not well-formed is left out.

    `source` is the id up to its last `#`; scores are 0.

    >>> [p.text for p in read_passages('<passage id="a.md#x/0" heading="">1 &lt; 2</passage>')]
    ['1 < 2']
    """
    return [_passage(*map(html.unescape, fields)) for fields in _PASSAGE.findall(text)]


def _passage(id: str, heading: str, text: str) -> Passage:
    return Passage(id=id, source=id.rpartition("#")[0] or id, heading=heading, text=text)


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
