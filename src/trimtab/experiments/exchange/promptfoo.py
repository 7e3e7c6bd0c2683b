"""promptfoo: the JSON that `promptfoo eval -o results.json` writes, version 3 and later. Pure.

One file has a run for each prompt and provider. A test's own result is the metric `passed`, its
weighted sum `score`; named metrics and each kind of assertion are metrics beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.experiments.exchange.foreign import (
    Case,
    Foreign,
    Judged,
    foreign,
    items,
    mapping,
    money,
    number,
)
from trimtab.records import Usage

TOOL = "promptfoo"
_OLDEST = 3
_ERROR = 2  # failureReason: neither passed nor failed by an assertion


def is_one(value: Any) -> bool:
    """Whether a decoded file is of this tool."""
    if not isinstance(value, Mapping):
        return False
    inner = value.get("results")
    if isinstance(inner, Mapping):
        return "results" in inner and ("stats" in inner or "version" in inner or "evalId" in value)
    return isinstance(inner, list) and "prompts" in value


def read(value: Any, where: str) -> list[Foreign]:
    """The runs of a file. Raises InvalidRequest; says where."""
    top = mapping(value, where)
    inner, place = top, where
    if isinstance(top.get("results"), Mapping):
        inner, place = top["results"], f"{where}.results"
    version = inner.get("version")
    if isinstance(version, int) and version < _OLDEST:
        raise InvalidRequest(
            f"this is version {version} of promptfoo's results",
            where=f"{place}.version",
            fix="export it again with promptfoo 0.96 or later",
        )
    runs: dict[tuple[str, str], list[tuple[Mapping[str, Any], str]]] = {}
    for n, item in enumerate(items(inner.get("results"), f"{place}.results")):
        at = f"{place}.results[{n}]"
        row = mapping(item, at)
        runs.setdefault((_provider(row), _prompt(row)), []).append((row, at))
    name = str(mapping(top.get("config") or {}, f"{where}.config").get("description") or "")
    return [
        foreign(
            TOOL,
            (_case(row, at) for row, at in rows),
            name=name,
            variant={"provider": provider, "prompt": prompt[:200]},
            started_ns=_time_ns(inner.get("timestamp")),
        )
        for (provider, prompt), rows in runs.items()
    ]


def _provider(row: Mapping[str, Any]) -> str:
    provider = row.get("provider")
    if isinstance(provider, Mapping):
        return str(provider.get("label") or provider.get("id") or "")
    return str(provider or "")


def _prompt(row: Mapping[str, Any]) -> str:
    """A prompt by its label; the text that was sent differs from test to test."""
    prompt = row.get("prompt")
    label = prompt.get("label") if isinstance(prompt, Mapping) else None
    return str(label or row.get("promptId") or row.get("promptIdx") or "")


def _case(row: Mapping[str, Any], where: str) -> Case:
    response = mapping(row.get("response") or {}, f"{where}.response")
    failed = row.get("failureReason") == _ERROR or bool(response.get("error"))
    error = str(row.get("error") or response.get("error") or "the provider failed")
    test = mapping(row.get("testCase") or {}, f"{where}.testCase")
    tokens = mapping(row.get("tokenUsage") or response.get("tokenUsage") or {}, where)
    return Case(
        input=row.get("vars"),
        output=response.get("output"),
        error=error if failed else None,
        judged=list(_judged(row, where, error if failed else None)),
        latency_ms=number(row.get("latencyMs"), f"{where}.latencyMs"),
        cost_usd=money(row.get("cost"), f"{where}.cost"),
        usage=_usage(tokens),
        model=_provider(row) or None,
        metadata={"description": str(test["description"])} if test.get("description") else {},
    )


def _judged(row: Mapping[str, Any], where: str, error: str | None) -> Iterator[Judged]:
    """The test as a whole, then what it is made of. A test that failed to run has no score."""
    grading = mapping(row.get("gradingResult") or {}, f"{where}.gradingResult")
    reason = None if grading.get("reason") is None else str(grading["reason"])
    if error is not None:
        yield Judged(metric="passed", error=error)
        yield Judged(metric="score", error=error)
        return
    yield Judged(metric="passed", passed=bool(row.get("success")), reason=reason)
    yield Judged(metric="score", number=number(row.get("score"), f"{where}.score"))
    named = mapping(row.get("namedScores") or {}, f"{where}.namedScores")
    for name, value in named.items():
        yield Judged(metric=str(name), number=number(value, f"{where}.namedScores.{name}"))
    parts = items(grading.get("componentResults"), f"{where}.gradingResult.componentResults")
    yield from _assertions(parts, f"{where}.gradingResult.componentResults")


def _assertions(parts: Sequence[Any], where: str) -> Iterator[Judged]:
    for n, item in enumerate(parts):
        part = mapping(item or {}, f"{where}[{n}]")
        assertion = mapping(part.get("assertion") or {}, f"{where}[{n}].assertion")
        kind = assertion.get("type")
        # Those with a name are in namedScores.
        if kind and not assertion.get("metric"):
            said = None if part.get("reason") is None else str(part["reason"])
            yield Judged(metric=f"assert {kind}", passed=bool(part.get("pass")), reason=said)


def _usage(tokens: Mapping[str, Any]) -> Usage | None:
    asked, said = tokens.get("prompt"), tokens.get("completion")
    if not (isinstance(asked, int) and isinstance(said, int)) or min(asked, said) < 0:
        return None
    return Usage(input=asked, output=said)


def _time_ns(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * 1_000_000_000
