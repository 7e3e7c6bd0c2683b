"""Verdicts: what guards said of a call, as scores of its span, made when the span is stored.

The span carries them in the attribute `trimtab.guards`, so they are as durable as it is, and to
make them again changes nothing. A guard that failed or was skipped has no judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trimtab.records import Score, Span, Target
from trimtab.records.score import ScoreStatus, score_id
from trimtab.records.span import GATEWAY

GUARDS = "trimtab.guards"
REVIEW = "review"
PENDING = "pending"
"""The label of a review that nobody has decided."""

_STATUS: Mapping[str, ScoreStatus] = {"error": "error", "timeout": "timeout", "skipped": "unscored"}
_KEPT = ("mode", "stage", "would", "threshold", "findings", "checks", "blocked")


def verdicts(spans: Iterable[Span]) -> list[Score]:
    """The scores of all guards of some spans of the gateway."""
    return [score for span in spans if span.service == GATEWAY for score in _of(span)]


def guard_name(rule: str) -> str:
    """What the scores of a rule are called."""
    return f"guard.{rule}"


def review_name(rule: str) -> str:
    """What the reviews are called that a rule asks for, and the decisions on them."""
    return f"guard.{rule}.{REVIEW}"


def _of(span: Span) -> Iterator[Score]:
    entries = span.attributes.get(GUARDS)
    if not isinstance(entries, list):
        return
    target = Target(kind="span", id=span.span_id, trace_id=span.trace_id)
    for entry in entries:
        if isinstance(entry, dict) and entry.get("name"):
            yield _verdict(span, target, entry)
            if entry.get("queued"):
                yield _review(span, target, entry)


def _verdict(span: Span, target: Target, entry: Mapping[str, Any]) -> Score:
    name, action = guard_name(entry["name"]), entry.get("action", "pass")
    status = _STATUS.get(action, "scored")
    scored = status == "scored"
    fired = action != "pass" or bool(entry.get("would"))
    digest = str(entry.get("digest") or "")
    return Score(
        # One rule may stand on both sides of a call.
        score_id=score_id(target, name, f"{digest}/{entry.get('stage')}"),
        project=span.project,
        target=target,
        name=name,
        status=status,
        value=entry.get("value") if scored else None,
        label=(entry.get("would") or action) if scored else None,
        passed=not fired if scored else None,
        reason=entry.get("reason") if scored else entry.get("error") or entry.get("reason"),
        scorer_version=str(entry.get("version", "1")),
        digest=digest,
        latency_ms=entry.get("ms"),
        time_ns=span.end_ns,
        metadata={
            "action": action,
            **{key: entry[key] for key in _KEPT if key in entry},
            **({"run": span.run} if span.run else {}),
        },
    )


def _review(span: Span, target: Target, entry: Mapping[str, Any]) -> Score:
    """A question to people; their answer is another score of this name."""
    name, digest = review_name(entry["name"]), str(entry.get("digest") or "")
    return Score(
        score_id=score_id(target, name, f"{digest}/{entry.get('stage')}"),
        project=span.project,
        target=target,
        name=name,
        label=PENDING,
        scorer_version=str(entry.get("version", "1")),
        digest=digest,
        time_ns=span.end_ns,
        metadata={key: entry[key] for key in _KEPT if key in entry},
    )
