"""What a file of another tool becomes: rows, answers and scores of a run. Pure.

Names of metrics are written alike whoever gave them (`Answer Relevancy` is `answer_relevancy`), and
a row is known by its input and what is expected of it, so that two tools that judged the same rows
can be compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit.hashing import digest
from trimtab.records import AppliedScorer, Example, Result, Score, Target, Usage
from trimtab.records.record import Json
from trimtab.records.run import Tier
from trimtab.records.score import score_id

_NOT_NAME = re.compile(r"[^\w]+")


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """One run as another tool made it; `variant` tells it apart from others of the same file."""

    tool: str
    examples: Sequence[Example]
    results: Sequence[Result]
    scorers: Sequence[AppliedScorer]
    name: str = ""
    variant: Mapping[str, str] = {}
    started_ns: int | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement as another tool wrote it. `number` or `passed`, or why there is neither."""

    metric: str
    number: float | None = None
    passed: bool | None = None
    reason: str | None = None
    error: str | None = None
    cost_usd: Decimal | None = None
    metadata: dict[str, Any] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One row with its answer and how that was judged."""

    input: Json
    expected: Json = None
    output: Json = None
    error: str | None = None
    context: tuple[str, ...] = ()
    judged: Sequence[Judged] = ()
    latency_ms: float | None = None
    cost_usd: Decimal | None = None
    usage: Usage | None = None
    model: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


def foreign(
    tool: str,
    cases: Iterable[Case],
    *,
    tier: Tier = "judge",
    name: str = "",
    variant: Mapping[str, str] | None = None,
    started_ns: int | None = None,
) -> Foreign:
    """A run of cases. A row that comes again is another answer to the same row."""
    examples: dict[str, Example] = {}
    repeats: dict[str, int] = {}
    results: list[Result] = []
    metrics: dict[str, None] = {}
    for case in cases:
        key = digest([case.input, case.expected])[:16]
        examples.setdefault(key, _example(key, case))
        repeat = repeats.get(key, 0)
        repeats[key] = repeat + 1
        results.append(_result(tool, key, repeat, case, started_ns or 0))
        metrics |= dict.fromkeys(metric_name(one.metric) for one in case.judged)
    return Foreign(
        tool=tool,
        examples=list(examples.values()),
        results=results,
        scorers=[
            AppliedScorer(name=metric, digest=f"{tool}/{metric}", tier=tier) for metric in metrics
        ],
        name=name,
        variant=variant or {},
        started_ns=started_ns,
    )


def metric_name(text: str) -> str:
    """A metric as it is called here.

    >>> metric_name("Answer Relevancy"), metric_name("Fit [GEval]"), metric_name("f1.macro")
    ('answer_relevancy', 'fit_geval', 'f1_macro')
    """
    return _NOT_NAME.sub("_", text.strip()).strip("_").lower() or "score"


def _example(key: str, case: Case) -> Example:
    return Example(
        example_id=key,
        input=case.input,
        expected=case.expected,
        metadata=case.metadata,
        tags=case.tags,
    )


def _result(tool: str, key: str, repeat: int, case: Case, time_ns: int) -> Result:
    target = Target(kind="example", id=key)
    return Result(
        example_id=key,
        repeat=repeat,
        output=case.output,
        error=case.error,
        context=case.context,
        model=case.model,
        usage=case.usage,
        cost_usd=case.cost_usd,
        latency_ms=case.latency_ms,
        scores=tuple(_score(tool, target, repeat, one, time_ns) for one in case.judged),
        time_ns=time_ns,
    )


def _score(tool: str, target: Target, repeat: int, one: Judged, time_ns: int) -> Score:
    name = metric_name(one.metric)
    lacks = one.number is None and one.passed is None
    status: Any = "scored"
    if lacks:
        status = "error" if one.error else "unscored"
    reason = one.error or one.reason or ("no score was given" if lacks else None)
    return Score(
        score_id=score_id(target, name, f"{tool}/{repeat}"),
        target=target,
        name=name,
        status=status,
        value=None if lacks else one.number,
        passed=None if lacks or one.number is not None else one.passed,
        reason=reason,
        source="judge",
        digest=f"{tool}/{name}",
        cost_usd=one.cost_usd,
        time_ns=time_ns,
        metadata={**one.metadata, **({"tool_metric": one.metric} if name != one.metric else {})},
    )


# -- reading values that may be anything -----------------------------------------------------------


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """A value that must be an object. Raises InvalidRequest."""
    if isinstance(value, Mapping):
        return value
    raise InvalidRequest(f"this is {_kind(value)}, not an object", where=where)


def items(value: Any, where: str) -> Sequence[Any]:
    """A value that must be a list; nothing is none. Raises InvalidRequest."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return value
    raise InvalidRequest(f"this is {_kind(value)}, not a list", where=where)


def number(value: Any, where: str) -> float | None:
    """A number, or None where there is none (also NaN, which tools write for it)."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise InvalidRequest(f"this is {_kind(value)}, not a number", where=where)
    try:
        found = float(value)
    except ValueError:
        raise InvalidRequest(f"{str(value)[:50]!r} is not a number", where=where) from None
    return found if math.isfinite(found) else None


def money(value: Any, where: str) -> Decimal | None:
    found = number(value, where)
    return None if found is None else Decimal(str(found))


def _kind(value: Any) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "an object", type(None): "nothing"}
    return names.get(type(value), type(value).__name__)
