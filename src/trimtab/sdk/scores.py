"""`score`: a judgement of a span or trace, queued and delivered like the spans."""

from __future__ import annotations

import logging
import math
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

from trimtab.kit import ids, jsonx
from trimtab.sdk import values
from trimtab.sdk.recording import current_span
from trimtab.sdk.state import ACTIVE

if TYPE_CHECKING:
    from trimtab.sdk.delivery import Delivery

log = logging.getLogger("trimtab.sdk")


def score(
    name: str,
    value: float | bool | str,
    *,
    reason: str | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    id: str | None = None,
    author: str | None = None,
    source: str = "user",
    metadata: dict[str, Any] | None = None,
) -> None:
    """Judge the current span, or a trace or span named by its id.

    Where the spans go to a backend that is not a Trimtab, the score becomes an event of the
    current span (`gen_ai.evaluation.result`). A score that cannot be recorded is logged, with its
    name and what is wrong; nothing is raised.

    Args:
        name: what is judged, such as "helpful".
        value: True or False (passed), a finite number, or a label.
        reason: why.
        trace_id: judge this trace as a whole instead, for example that of an earlier answer.
        span_id: judge this span of `trace_id`.
        id: the same id again replaces the earlier judgement.
        author: who judges.
        source: what judges: "user", "human", "code", "model", "judge" or "monitor".
        metadata: what else is known.
    """
    delivery = ACTIVE.delivery
    if delivery is None:
        return
    try:
        field, judged = _judgement(value)
    except (ValueError, OverflowError) as error:
        log.warning("the score %r is not recorded: %s", name, error)
        return
    here = current_span()
    if trace_id is None:
        trace_id = here.trace_id
        span_id = here.span_id
    if trace_id is None:
        log.warning("the score %r is not recorded: no span is current; give a trace_id", name)
        return
    if not delivery.takes_scores:
        here.event("gen_ai.evaluation.result", _as_event(name, judged, reason))
        return
    found = {
        "id": id or ids.uuid7(),
        "name": name,
        "trace_id": trace_id,
        "span_id": span_id,
        field: judged,
        "reason": values.limited(reason) if isinstance(reason, str) else reason,
        "author": author,
        "source": source,
        "metadata": values.plain(metadata),
    }
    _put(delivery, {key: one for key, one in found.items() if one is not None})


def _judgement(value: Any) -> tuple[str, bool | float | str]:
    """The field of a score that this value is for, and the value as it is sent.

    Raises:
        ValueError, OverflowError: it is no judgement; the error says what is wrong.
    """
    value = _unwrapped(value)
    if isinstance(value, bool):
        return "passed", value
    if isinstance(value, str):
        return "label", values.limited(value)
    if not isinstance(value, (Real, Decimal)):
        kind = type(value).__qualname__
        raise ValueError(f"it is {kind}; give True or False, a number or a text")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"it is {number}; give a finite number")
    return "value", number


def _unwrapped(value: Any) -> Any:
    """The Python value in a scalar of numpy, torch and the like."""
    item = getattr(value, "item", None)
    try:
        return item() if callable(item) else value
    except Exception:
        return value


def _put(delivery: Delivery, record: dict[str, Any]) -> None:
    """Queue a score that can be sent: one that cannot would take others of its batch with it."""
    try:
        jsonx.encode(record)
    except Exception as error:
        log.warning("the score %r is not recorded: %s", record["name"], error)
        return
    delivery.put_score(record)


def _as_event(name: str, judged: bool | float | str, reason: str | None) -> dict[str, Any]:
    number = None if isinstance(judged, str) else float(judged)
    label = judged if isinstance(judged, str) else None
    if isinstance(judged, bool):
        label = "pass" if judged else "fail"
    return {
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.value": number,
        "gen_ai.evaluation.score.label": label,
        "gen_ai.evaluation.explanation": reason,
    }
