"""Report: what the rules of guards did, and what those that are not enforced would have done.

Made of the scores that are kept of every check; it quotes no text.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trimtab.records import Score

GUARD = "guard."
REVIEW = ".review"
MOST_EXAMPLES = 5


class RuleReport(msgspec.Struct, frozen=True, kw_only=True):
    """One rule on one side of calls.

    Args:
        checked: calls of which there is a judgement. Errors, timeouts and skips are none of them,
            and never count as passed.
        did: by action, what was done; flags of rules that only flag among them.
        would: by action, what would have been done if the rule were enforced.
        p50_ms, p99_ms: of a check.
        examples: traces of the newest calls on which it fired.
        complete: whether all verdicts of the time are counted, and not only the newest.
    """

    rule: str
    stage: str | None = None
    modes: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    checked: int = 0
    passed: int = 0
    did: dict[str, int] = {}
    would: dict[str, int] = {}
    errors: int = 0
    timeouts: int = 0
    skipped: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    examples: tuple[str, ...] = ()
    complete: bool = True


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A call on which a rule fired, or failed. Places are those of its findings."""

    time_ns: int
    rule: str
    stage: str | None
    action: str
    would: str | None
    mode: str | None
    value: float | None
    threshold: float | None
    reason: str | None
    trace_id: str | None
    span_id: str
    findings: tuple[dict[str, Any], ...] = ()


def rule_names(names: Iterable[str]) -> list[str]:
    """The rules among the names of scores.

    >>> rule_names(["guard.pii", "guard.pii.review", "cost"])
    ['pii']
    """
    return sorted(
        name.removeprefix(GUARD)
        for name in set(names)
        if name.startswith(GUARD) and not name.endswith(REVIEW)
    )


def reported(rule: str, scores: Sequence[Score], of: int) -> list[RuleReport]:
    """What the verdicts of one rule on live calls come to, a row for each side that it is on.

    Args:
        scores: the newest first.
        of: how many there are in all.
    """
    sides: dict[str | None, list[Score]] = {}
    for score in scores:
        if score.metadata.get("run"):
            continue  # of an experiment or of red-teaming: no traffic
        sides.setdefault(score.metadata.get("stage"), []).append(score)
    found = sorted(sides.items(), key=lambda side: str(side[0]))
    return [_side(rule, stage, own, complete=len(scores) >= of) for stage, own in found]


def _side(rule: str, stage: str | None, scores: Sequence[Score], *, complete: bool) -> RuleReport:
    status = Counter(score.status for score in scores)
    judged = [score for score in scores if score.status == "scored"]
    fired = [score for score in judged if not score.passed]
    times = sorted(score.latency_ms for score in scores if score.latency_ms is not None)
    traces = dict.fromkeys(one.target.trace_id for one in fired if one.target.trace_id)
    return RuleReport(
        rule=rule,
        stage=stage,
        modes=_distinct(score.metadata.get("mode") for score in scores),
        versions=_distinct(score.scorer_version for score in scores),
        checked=len(judged),
        passed=len(judged) - len(fired),
        did=_counted(str(one.metadata.get("action")) for one in fired if not _would(one)),
        would=_counted(would for one in fired if (would := _would(one))),
        errors=status["error"],
        timeouts=status["timeout"],
        skipped=status["unscored"],
        p50_ms=_at(times, 0.5),
        p99_ms=_at(times, 0.99),
        examples=tuple(traces)[:MOST_EXAMPLES],
        complete=complete,
    )


def event(score: Score) -> Event | None:
    """What a verdict says that is worth a look; None of what passed or had nothing to judge."""
    if score.status == "unscored" or (score.status == "scored" and score.passed):
        return None
    said = score.metadata
    action = str(said.get("action")) if score.status == "scored" else score.status
    return Event(
        time_ns=score.time_ns,
        rule=score.name.removeprefix(GUARD),
        stage=said.get("stage"),
        action=action,
        would=_would(score),
        mode=said.get("mode"),
        value=score.value,
        threshold=said.get("threshold"),
        reason=score.reason,
        trace_id=score.target.trace_id,
        span_id=score.target.id,
        findings=tuple(said.get("findings") or ()),
    )


def _would(score: Score) -> str | None:
    found = score.metadata.get("would")
    return None if found is None else str(found)


def _distinct(words: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({str(word) for word in words if word}))


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _at(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share does not exceed (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
