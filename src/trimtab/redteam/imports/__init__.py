"""Reports of other tools read into attacks that were tried, so that all rates are one table."""

from __future__ import annotations

from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.redteam.imports import garak, promptfoo, pyrit
from trimtab.redteam.imports.reading import decoded, decoded_lines
from trimtab.redteam.rates import Tried

_WHOLE = (promptfoo, pyrit)


def read_report(content: bytes, where: str) -> tuple[str, list[Tried]]:
    """The tool that wrote a report, and the attacks in it.

    Args:
        content: of a file: garak's `report.jsonl`, promptfoo's results as JSON or JSONL, or PyRIT's
            attack results or scores as JSON.
    Raises:
        InvalidRequest: it is of none of these tools, or damaged.
    """
    lines = garak.lines_of(content, where)
    if lines is not None:
        return garak.TOOL, _some(garak.read(lines, where), where)
    value = _value(content, where)
    for tool in _WHOLE:
        if tool.is_one(value):
            return tool.TOOL, _some(tool.read(value, where), where)
    raise InvalidRequest(
        "this is no report of garak, promptfoo or PyRIT",
        where=where,
        fix="give a report.jsonl of garak, the JSON of promptfoo's results, or PyRIT's attack "
        "results as JSON",
    )


def _value(content: bytes, where: str) -> Any:
    """What is in a file; of one with a value on each line, the list of them."""
    try:
        return decoded(content, where)
    except InvalidRequest:
        if content.strip().count(b"\n") == 0:
            raise
        try:
            return decoded_lines(content, where)
        except InvalidRequest:
            pass
        raise


def is_cut(content: bytes) -> bool:
    """Whether a report that `read_report` takes is cut off; what stood behind that is missing."""
    return b'"entry_type"' in content.lstrip().partition(b"\n")[0] and garak.is_cut(content)


def _some(found: list[Tried], where: str) -> list[Tried]:
    if not found:
        raise InvalidRequest("no attack is in the report", where=where, fix="let its run end first")
    return found
