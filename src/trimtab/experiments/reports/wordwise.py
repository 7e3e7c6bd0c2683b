"""Two answers with the words marked that differ. Pure: texts in, escaped HTML out."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from trimtab.experiments.reports.escapes import in_html

_PIECE = re.compile(r"\s+|\w+|[^\w\s]")
# Matching takes time in proportion to the product of the two; a page has hundreds of cases.
_MOST_PIECES = 600


def marked(before: str, after: str) -> tuple[str, str]:
    """Both texts as HTML, with `<del>` around what went and `<ins>` around what came.

    Long texts, and texts that have little in common, are not marked.

    >>> marked("port 7711", "port 80")
    ('port <del>7711</del>', 'port <ins>80</ins>')
    """
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    if before == after or max(len(old), len(new)) > _MOST_PIECES:
        return in_html(before), in_html(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.2:
        return in_html(before), in_html(after)
    left, right = "", ""
    for kind, a, b, c, d in matcher.get_opcodes():
        gone, came = in_html("".join(old[a:b])), in_html("".join(new[c:d]))
        left += gone if kind == "equal" or not gone else f"<del>{gone}</del>"
        right += came if kind == "equal" or not came else f"<ins>{came}</ins>"
    return left, right
