"""Scores from outside: feedback, labels, other tools. Fields in, a checked score out; no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypedDict, Unpack, get_args

from msgspec.structs import replace

from trimtab.errors import InvalidRequest, TooLarge
from trimtab.kit import jsonx
from trimtab.kit.hashing import digest
from trimtab.kit.ids import is_span_id, is_trace_id, uuid7
from trimtab.ports import Clock
from trimtab.records import Score, Target
from trimtab.records.score import ScoreSource, ScoreStatus, TargetKind
from trimtab.scorers.judgement import NAME

MAX_TEXT_BYTES = 20_000
"""The longest reason, and the most that all evidence or the metadata may be together."""

MAX_LABEL = 1_000
MAX_ID = 200


class Judged(TypedDict, total=False):
    """What a sender may say about a judgement, as the fields of `Score` of the same names."""

    status: ScoreStatus
    value: float | None
    label: str | None
    passed: bool | None
    reason: str | None
    evidence: tuple[str, ...]
    source: ScoreSource
    scorer_version: str
    run: str | None
    cost_usd: Decimal | None
    latency_ms: float | None
    metadata: dict[str, Any]


def submitted(
    *,
    project: str,
    target: Target,
    name: str,
    clock: Clock,
    id: str | None = None,
    author: str | None = None,
    **judged: Unpack[Judged],
) -> Score:
    """A score as it will be stored, its time and its id given here; the source is "user" unless
    said otherwise.

    Args:
        id: the sender's own name for this score. The same `id` in the same project always yields
            the same `score_id`, so sending again replaces; without it every score is a new one.
        **judged: exactly one of value, label and passed; or a status other than "scored" with a
            reason; and what else is known.
    Raises:
        InvalidRequest: a field is malformed; `where` names it.
        TooLarge: reason, evidence or metadata are over `MAX_TEXT_BYTES`.
    """
    _check_id("id", id)
    time_ns = clock.now_ns()
    given: Judged = {"source": "user", **judged}
    score = Score(
        score_id=uuid7(time_ns) if id is None else digest(["submitted", project, id])[:32],
        project=project,
        target=_checked(target),
        name=name,
        author=author,
        time_ns=time_ns,
        **given,
    )
    _check_words(score)
    _check_judgement(score)
    _check_size("reason", score.reason or "")
    _check_size("evidence", "".join(score.evidence))
    _check_size("metadata", _json(score.metadata))
    return score if score.value is None else replace(score, value=float(score.value))


def _check_words(score: Score) -> None:
    if not NAME.fullmatch(score.name):
        raise InvalidRequest(
            f"{score.name[:50]!r} is not a name for a score",
            where="name",
            fix="use 1 to 200 letters, digits, '_', '.', '-', '/' and spaces",
        )
    _one_of("status", score.status, get_args(ScoreStatus))
    _one_of("source", score.source, get_args(ScoreSource))
    for field in ("run", "author", "scorer_version"):
        _check_id(field, getattr(score, field))
    if score.label is not None and not 0 < len(score.label) <= MAX_LABEL:
        raise InvalidRequest(
            f"a label has 1 to {MAX_LABEL} characters; this one has {len(score.label)}",
            where="label",
        )
    for field in ("latency_ms", "cost_usd"):
        amount = getattr(score, field)
        if amount is not None and not (_is_finite(amount) and amount >= 0):
            raise InvalidRequest(f"{field} is not a finite number of at least 0", where=field)


def _one_of(field: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InvalidRequest(
            f"{str(value)[:50]!r} is not a {field}",
            where=field,
            fix=f"use one of {', '.join(allowed)}",
            allowed=list(allowed),
        )


def _check_judgement(score: Score) -> None:
    given = [f for f in ("value", "label", "passed") if getattr(score, f) is not None]
    if score.status == "scored" and len(given) != 1:
        raise InvalidRequest(
            "a score needs exactly one of value, label and passed; "
            f"it has {' and '.join(given) or 'none'}",
            where=given[-1] if given else "value",
            fix="send one of them; use several scores for several judgements",
        )
    if score.status != "scored" and given:
        raise InvalidRequest(
            f"a score with the status {score.status!r} has no {given[0]}",
            where=given[0],
            fix='leave it out, or send the status "scored"',
        )
    if score.status != "scored" and not (score.reason and score.reason.strip()):
        raise InvalidRequest(
            f"a score with the status {score.status!r} needs a reason",
            where="reason",
            fix="say why there is no judgement",
        )
    if score.value is not None and (isinstance(score.value, bool) or not _is_finite(score.value)):
        raise InvalidRequest("value is not a finite number", where="value", fix="send a number")


def _is_finite(number: float | Decimal) -> bool:
    try:
        return math.isfinite(number)
    except (OverflowError, ValueError):
        return False


def _check_id(field: str, text: str | None) -> None:
    if text is not None and not (0 < len(text) <= MAX_ID and text.isprintable()):
        raise InvalidRequest(
            f"{field} is not 1 to {MAX_ID} printable characters", where=field, fix="shorten it"
        )


def _check_size(field: str, text: str) -> None:
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_TEXT_BYTES:
        raise TooLarge(
            f"{field} is {size} bytes long; the most is {MAX_TEXT_BYTES}",
            where=field,
            fix="shorten it",
        )


def _json(metadata: dict[str, Any]) -> str:
    try:
        return jsonx.encode(metadata).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"metadata is not JSON: {error}", where="metadata", fix="send a JSON object"
        ) from None


def _checked(target: Target) -> Target:
    """The target, with the trace filled in where its id is one.

    A score must be found again, so ids that can only be spelt one way are checked here.
    """
    _one_of("target.kind", target.kind, get_args(TargetKind))
    _check_id("target.id", target.id)
    if target.trace_id is not None and not is_trace_id(target.trace_id):
        raise _not_an_id("target.trace_id", "a trace id", 32)
    if target.kind == "span":
        if not is_span_id(target.id):
            raise _not_an_id("target.id", "a span id", 16)
        if target.trace_id is None:
            raise InvalidRequest(
                "a span is named with its trace",
                where="target.trace_id",
                fix="send the trace id too",
            )
    if target.kind != "trace":
        return target
    if not is_trace_id(target.id):
        raise _not_an_id("target.id", "a trace id", 32)
    if target.trace_id not in (None, target.id):
        raise InvalidRequest(
            "the trace id of a trace is its id",
            where="target.trace_id",
            fix="leave it out",
        )
    return Target(kind="trace", id=target.id, trace_id=target.id)


def _not_an_id(where: str, what: str, digits: int) -> InvalidRequest:
    return InvalidRequest(
        f"{where} is not {what}",
        where=where,
        fix=f"send {digits} lower-case hexadecimal digits, not all zero",
    )
