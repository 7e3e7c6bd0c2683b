"""`score`: a judgement of a span or trace, queued and delivered like the spans."""

from __future__ import annotations

import logging
from typing import Any

from trimtab.kit import ids
from trimtab.sdk import values
from trimtab.sdk.recording import current_span
from trimtab.sdk.state import ACTIVE

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
    current span (`gen_ai.evaluation.result`).

    Args:
        name: what is judged, such as "helpful".
        value: True or False (passed), a number, or a label.
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
    here = current_span()
    if trace_id is None:
        trace_id = here.trace_id
        span_id = here.span_id
    if trace_id is None:
        log.warning("the score %r is not recorded: no span is current; give a trace_id", name)
        return
    if not delivery.takes_scores:
        here.event("gen_ai.evaluation.result", _as_event(name, value, reason))
        return
    found = {
        "id": id or ids.uuid7(),
        "name": name,
        "trace_id": trace_id,
        "span_id": span_id,
        _field(value): value,
        "reason": reason,
        "author": author,
        "source": source,
        "metadata": values.plain(metadata),
    }
    delivery.put_score({key: one for key, one in found.items() if one is not None})


def _field(value: float | bool | str) -> str:
    if isinstance(value, bool):
        return "passed"
    return "label" if isinstance(value, str) else "value"


def _as_event(name: str, value: float | bool | str, reason: str | None) -> dict[str, Any]:
    number = None if isinstance(value, str) else float(value)
    label = value if isinstance(value, str) else None
    if isinstance(value, bool):
        label = "pass" if value else "fail"
    return {
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.value": number,
        "gen_ai.evaluation.score.label": label,
        "gen_ai.evaluation.explanation": reason,
    }
