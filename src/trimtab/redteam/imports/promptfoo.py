"""promptfoo: a red-team run (`promptfoo redteam eval -o results.json`, or `.jsonl`). Pure.

A test that did not pass is an attack that succeeded; one that broke (`failureReason` 2) is not
judged. The plugin is the family, and the strategy the technique.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.redteam.rates import Tried

TOOL = "promptfoo"
_ERROR = 2

_OWASP = (
    ("pii", "LLM02"),
    ("harmful:privacy", "LLM02"),
    ("cross-session-leak", "LLM02"),
    ("prompt-extraction", "LLM07"),
    ("system-prompt-override", "LLM01"),
    ("excessive-agency", "LLM06"),
    ("rbac", "LLM06"),
    ("bfla", "LLM06"),
    ("bola", "LLM06"),
    ("tool-discovery", "LLM06"),
    ("shell-injection", "LLM05"),
    ("sql-injection", "LLM05"),
    ("ssrf", "LLM05"),
    ("debug-access", "LLM05"),
    ("rag-", "LLM08"),
    ("hallucination", "LLM09"),
    ("overreliance", "LLM09"),
    ("harmful:misinformation", "LLM09"),
    ("divergent-repetition", "LLM10"),
    ("reasoning-dos", "LLM10"),
)
"""The start of a plugin's name, and the item it is about; others are prompt injection."""


def is_one(value: Any) -> bool:
    """Whether a decoded file is of this tool."""
    rows = _rows(value)
    if isinstance(value, Mapping) and isinstance(value.get("results"), Mapping):
        return rows is not None
    return any(isinstance(row, Mapping) and "success" in row for row in rows or ())


def read(value: Any, where: str) -> list[Tried]:
    """The attacks of a file. Raises InvalidRequest where one is none."""
    found = []
    for number, row in enumerate(_rows(value) or ()):
        if not isinstance(row, Mapping) or "success" not in row:
            raise InvalidRequest(
                "this is no result of a test",
                where=f"{where}, result {number + 1}",
                fix="export it again with promptfoo",
            )
        found.append(_tried(row, number))
    return found


def _rows(value: Any) -> list[Any] | None:
    """The results of tests: within those of an evaluation, beside its version, or alone."""
    for _ in range(2):
        if isinstance(value, Mapping):
            value = value.get("results")
    return value if isinstance(value, list) else None


def _tried(row: Mapping[str, Any], number: int) -> Tried:
    test, grading = _mapping(row.get("testCase")), _mapping(row.get("gradingResult"))
    about = {
        **_mapping(grading.get("metadata")),
        **_mapping(test.get("metadata")),
        **_mapping(row.get("metadata")),
    }
    plugin = str(about.get("pluginId") or about.get("harmCategory") or "unknown")
    broken = row.get("failureReason") == _ERROR or (row.get("error") and not grading)
    return Tried(
        technique=str(about.get("strategyId") or "basic"),
        family=plugin,
        owasp=next((item for start, item in _OWASP if plugin.startswith(start)), "LLM01"),
        goal=str(about.get("goal") or plugin),
        succeeded=None if broken else not row["success"],
        reason=str(grading.get("reason") or row.get("error") or "")[:500],
        attack_id=str(row.get("id") or number),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
