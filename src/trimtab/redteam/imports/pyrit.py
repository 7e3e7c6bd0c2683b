"""PyRIT: attack results, scores, or conversations with their scores, as JSON. Pure.

An attack result says `success`, `failure`, `undetermined` or `error`. Of scores those of the type
`true_false` count; true means that the objective was reached. Scores on a scale decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.redteam.rates import Tried

TOOL = "PyRIT"
_OUTCOMES = {"success": True, "failure": False, "undetermined": None, "error": None}
Entry = Mapping[str, Any]


def is_one(value: Any) -> bool:
    """Whether a decoded file is of this tool."""
    entries = _entries(value)
    return bool(entries) and any(
        "outcome" in entry or "score_value" in entry or "scores" in entry for entry in entries
    )


def read(value: Any, _where: str) -> list[Tried]:
    """The attacks of a file."""
    return [tried for entry in _entries(value) for tried in _tried(entry)]


def _entries(value: Any) -> Sequence[Entry]:
    if isinstance(value, Mapping):
        inner = next(
            (value[name] for name in ("attack_results", "results", "scores") if name in value),
            [value],
        )
        value = inner
    found = value if isinstance(value, list) else []
    return [entry for entry in found if isinstance(entry, Mapping)]


def _tried(entry: Entry) -> Iterator[Tried]:
    if "outcome" in entry:
        yield _result(entry)
    elif "score_value" in entry:
        yield from _score(entry, entry)
    else:
        for score in entry.get("scores") or ():
            if isinstance(score, Mapping):
                yield from _score(score, entry)


def _result(entry: Entry) -> Tried:
    outcome = entry["outcome"]
    said = str(outcome.get("value") if isinstance(outcome, Mapping) else outcome).lower()
    return Tried(
        technique=_technique(entry) or "attack",
        family=_first(entry.get("targeted_harm_categories")),
        owasp="LLM01",
        goal=str(entry.get("objective") or "")[:200],
        succeeded=_OUTCOMES.get(said.rpartition(".")[2]),
        reason=str(entry.get("outcome_reason") or entry.get("error_message") or "")[:500],
        attack_id=str(entry.get("attack_result_id") or entry.get("conversation_id") or ""),
    )


def _score(score: Entry, entry: Entry) -> Iterator[Tried]:
    if score.get("score_type") != "true_false":
        return
    yield Tried(
        technique=_technique(entry) or _converters(entry) or "direct",
        family=_first(score.get("score_category")),
        owasp="LLM01",
        goal=str(score.get("objective") or score.get("task") or "")[:200],
        succeeded=str(score.get("score_value")).lower() == "true",
        reason=str(score.get("score_rationale") or "")[:500],
        attack_id=str(entry.get("conversation_id") or score.get("message_piece_id") or ""),
    )


def _technique(entry: Entry) -> str:
    """The class of an attack, which newer versions name among the parts of what was tried."""
    whole = entry.get("atomic_attack_identifier") or entry.get("attack_identifier")
    inner = _child(_child(whole, "attack_technique") or whole, "attack")
    return _name(inner or whole)


def _child(identifier: Any, name: str) -> Any:
    children = identifier.get("children") if isinstance(identifier, Mapping) else None
    return children.get(name) if isinstance(children, Mapping) else None


def _converters(entry: Entry) -> str:
    found = entry.get("converter_identifiers") or ()
    return "+".join(filter(None, map(_name, found if isinstance(found, list) else ())))


def _name(identifier: Any) -> str:
    if isinstance(identifier, Mapping):
        known = (identifier.get(key) for key in ("class_name", "__type__", "name"))
        return str(next(filter(None, known), ""))
    return str(identifier or "")


def _first(value: Any) -> str:
    if isinstance(value, list):
        return str(value[0]) if value else ""
    return str(value or "")
