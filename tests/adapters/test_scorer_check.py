"""`scorer.check`: a scorer as an assertion of a test, inside and outside a running event loop."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from typing import Any

import pytest

from trimtab.errors import ScorerError
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.registry import BUILT_IN


def returning(result: Any) -> Any:
    @scorer
    def made(output: str) -> Any:
        return result

    return made


class TestCheck:
    def test_a_failed_assertion_raises_with_reason_and_evidence(self) -> None:
        made = returning(Judgement(passed=False, reason="unsupported", evidence=("it is red",)))
        with pytest.raises(AssertionError, match=r"made failed: unsupported\n  it is red"):
            made.check(output="x")

    @pytest.mark.parametrize(
        "result", [None, Unscored("abstained"), math.nan, {"a": True, "b": None}]
    )
    def test_no_judgement_is_no_pass(self, result: Any) -> None:
        with pytest.raises(AssertionError, match="was not judged"):
            returning(result).check(output="x")

    def test_a_missing_argument_is_no_pass(self) -> None:
        with pytest.raises(AssertionError, match="missing: context"):
            BUILT_IN["groundedness"].check(output="x")

    def test_values_are_returned_for_the_test_to_judge(self) -> None:
        [score] = returning(0.4).check(output="x")
        assert score.value == 0.4

    def test_an_unknown_argument_is_refused(self) -> None:
        with pytest.raises(ScorerError, match="answer"):
            returning(True).check(answer="x")

    def test_lists_are_taken_as_context(self) -> None:
        @scorer
        def quotes(output: str, context: list[str]) -> bool:
            return any(output in text for text in context)

        quotes.check(output="8321", context=["port 8321"])

    def test_it_works_inside_and_outside_a_running_loop(self) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

        @scorer
        async def later(output: str) -> bool:
            await asyncio.sleep(0)
            return output == variable.get()

        variable.set("x")
        quick = returning(True)

        async def inside() -> None:
            later.check(output="x")
            quick.check(output="x")
            await later.acheck(output="x")
            await quick.acheck(output="x")
            with pytest.raises(AssertionError):
                await later.acheck(output="y")

        later.check(output="x")
        quick.check(output="x")
        asyncio.run(inside())

    def test_a_plain_scorer_runs_in_the_thread_of_the_test(self) -> None:
        @scorer
        def where(output: str) -> float:
            return float(threading.get_ident())

        [score] = where.check(output="x")
        assert score.value == float(threading.get_ident())
