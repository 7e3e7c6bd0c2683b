"""DeepEval: the JSON of a test run, or of what `evaluate` returns. Pure.

`.deepeval/.latest_test_run.json` and the files of `DEEPEVAL_RESULTS_FOLDER` have `testCases` in
camel case; an `EvaluationResult` written with `model_dump_json` has `test_results` in snake case.
Older versions call `metricsData` `metricsMetadata` and name a metric by `metric`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

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

TOOL = "deepeval"
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_S_TO_MS = 1000.0


def is_one(value: Any) -> bool:
    """Whether a decoded file is of this tool."""
    return isinstance(value, Mapping) and not {
        "testCases",
        "test_results",
        "testRunData",
    }.isdisjoint(value)


def read(value: Any, where: str) -> list[Foreign]:
    """The run of a file. Raises InvalidRequest; says where."""
    top = mapping(value, where)
    if "testRunData" in top:
        top, where = mapping(top["testRunData"], f"{where}.testRunData"), f"{where}.testRunData"
    name = str(top.get("identifier") or top.get("name") or "")
    return [foreign(TOOL, _cases(top, where), name=name)]


def _cases(top: Mapping[str, Any], where: str) -> Iterator[Case]:
    for key in ("testCases", "test_results", "conversationalTestCases"):
        for n, item in enumerate(items(top.get(key), f"{where}.{key}")):
            place = f"{where}.{key}[{n}]"
            yield _case(_snake(mapping(item, place)), place)


def _case(row: Mapping[str, Any], where: str) -> Case:
    judged = row.get("metrics_data") or row.get("metrics_metadata")
    seconds = number(row.get("run_duration"), f"{where}.runDuration")
    context = row.get("retrieval_context") or row.get("context")
    return Case(
        input=row.get("input") if row.get("input") is not None else row.get("turns"),
        expected=row.get("expected_output"),
        output=row.get("actual_output"),
        context=tuple(map(str, items(context, f"{where}.retrievalContext"))),
        judged=[
            _judged(_snake(mapping(one, f"{where}.metricsData[{n}]")), f"{where}.metricsData[{n}]")
            for n, one in enumerate(items(judged, f"{where}.metricsData"))
        ],
        tags=tuple(map(str, items(row.get("tags"), f"{where}.tags"))),
        # What it takes to judge is in it too; DeepEval does not tell them apart.
        metadata={} if seconds is None else {"deepeval_run_ms": seconds * _S_TO_MS},
    )


def _judged(one: Mapping[str, Any], where: str) -> Judged:
    error = one.get("error")
    told = {key: one[key] for key in ("threshold", "success") if one.get(key) is not None}
    if one.get("evaluation_model"):
        told["model"] = str(one["evaluation_model"])
    return Judged(
        metric=str(one.get("name") or one.get("metric") or "score"),
        number=None if error else number(one.get("score"), f"{where}.score"),
        reason=None if one.get("reason") is None else str(one["reason"]),
        error=None if error is None else str(error),
        cost_usd=money(one.get("evaluation_cost"), f"{where}.evaluationCost"),
        metadata=told,
    )


def _snake(row: Mapping[str, Any]) -> dict[str, Any]:
    """Members as DeepEval calls them in Python."""
    return {_HUMP.sub(r"_\1", str(key)).lower(): value for key, value in row.items()}
