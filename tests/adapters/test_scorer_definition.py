"""The scorer decorator: what it refuses, what it gives a function, what it makes of a result."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import math
import threading
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cases import named

import trimtab
from trimtab.errors import ScorerError
from trimtab.ports import Subject
from trimtab.records import Score, Target
from trimtab.scorers.definition import FunctionScorer, Judgement, Unscored, scorer
from trimtab.testing.scorer import judge, sample_subject

if TYPE_CHECKING:
    from collections.abc import Mapping as OnlyForTypeCheckers


def subject(**fields: Any) -> Subject:
    return Subject(target=Target(kind="example", id="e1"), **fields)


def one(which: Any, **fields: Any) -> Score:
    [score] = judge(which, subject(**fields))
    return score


def returning(result: Any, **declared: Any) -> Any:
    @scorer(**declared)
    def made(output: str) -> Any:
        return result

    return made


def test_a_text_so_long_that_judging_may_take_a_while_is_judged_beside_the_loop() -> None:
    @scorer
    def where(output: str) -> str:
        return threading.current_thread().name

    assert where.inline
    assert one(where, output="a" * 100_000).label == threading.current_thread().name
    assert one(where, output="a" * 100_001).label == "trimtab-scorer"


class TestReturnRule:
    @pytest.mark.parametrize(
        ("result", "expected"),
        [
            (True, {"passed": True}),
            (np.bool_(False), {"passed": False}),
            (3, {"value": 3.0}),
            (0.25, {"value": 0.25}),
            (np.float32(0.5), {"value": 0.5}),
            (np.int64(2), {"value": 2.0}),
            (Decimal("0.125"), {"value": 0.125}),
            (Fraction(1, 4), {"value": 0.25}),
            ("refusal", {"label": "refusal"}),
            (np.str_("label"), {"label": "label"}),
        ],
    )
    def test_a_bool_is_an_assertion_a_number_a_value_and_a_string_a_label(
        self, result: Any, expected: dict[str, Any]
    ) -> None:
        score = one(returning(result), output="x")
        got = {"value": score.value, "passed": score.passed, "label": score.label}
        assert {name: part for name, part in got.items() if part is not None} == expected
        assert score.status == "scored"

    def test_a_dict_is_several_scores_named_after_the_scorer_and_the_key(self) -> None:
        made = returning({"short": True, "words": 7, "tone": "dry", "rest": None})
        scores = {score.name: score for score in judge(made, subject(output="x"))}
        assert scores["made.short"].passed is True
        assert scores["made.words"].value == 7.0
        assert scores["made.tone"].label == "dry"
        assert scores["made.rest"].status == "unscored"

    @pytest.mark.parametrize("result", [None, Unscored("nothing to say"), {}])
    def test_nothing_is_unscored_and_never_zero(self, result: Any) -> None:
        score = one(returning(result), output="x")
        assert (score.status, score.number) == ("unscored", None)
        assert score.reason

    def test_a_judgement_brings_its_reason_evidence_and_cost(self) -> None:
        made = returning(
            Judgement(value=0.5, reason="half", evidence=("a",), cost_usd=Decimal("0.01"))
        )
        score = one(made, output="x")
        assert (score.value, score.reason, score.evidence) == (0.5, "half", ("a",))
        assert score.cost_usd == Decimal("0.01")

    @pytest.mark.parametrize(
        "result",
        [
            math.nan,
            math.inf,
            -math.inf,
            10**400,
            Decimal("NaN"),
            "",
            [1.0],
            object(),
            np.array([1.0, 2.0]),
            1j,
            Judgement(),
            Judgement(value=1, passed=True),
            Judgement(value=math.nan),
            Judgement(value=1, cost_usd=Decimal("NaN")),
            Judgement(value=1, cost_usd=0.5),
            {"inner": {"deeper": 1}},
            {"bad\nname": 1},
            {3: 1},
            {"k" * 200: 1},
        ],
        ids=named,
    )
    def test_what_cannot_be_read_is_an_error_and_never_a_number(self, result: Any) -> None:
        score = one(returning(result), output="x")
        assert (score.status, score.number, score.label) == ("error", None, None)

    @pytest.mark.parametrize(
        ("scale", "inside", "outside"),
        [
            ("unit", [0, 0.3, 1], [-0.001, 1.001]),
            ("binary", [0, 1, 1.0], [0.5, 2, -1]),
            ((1, 5), [1, 4.5, 5], [0.99, 5.01]),
            ((0, None), [0, 1e12], [-0.01]),
        ],
    )
    def test_a_value_off_the_declared_scale_is_an_error(
        self, scale: Any, inside: list[float], outside: list[float]
    ) -> None:
        for value in inside:
            assert one(returning(value, scale=scale), output="x").value == value
        for value in outside:
            score = one(returning(value, scale=scale), output="x")
            assert score.status == "error"
            assert score.reason
            assert str(float(value)) in score.reason

    @given(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(),
            st.binary(),
            st.lists(st.integers()),
            st.dictionaries(st.text() | st.integers(), st.floats() | st.text() | st.none()),
        )
    )
    def test_any_result_becomes_well_formed_scores(self, result: Any) -> None:
        scores = judge(returning(result, scale="unit"), subject(output="x"))
        assert scores
        for score in scores:
            assert score.value is None or 0 <= score.value <= 1


class TestArguments:
    def test_fields_are_given_by_name_and_nothing_else(self) -> None:
        seen: dict[str, Any] = {}

        @scorer
        def look(metadata: Any, latency_ms: Any, span: Any, example: Any, passages: Any) -> bool:
            seen.update(locals())
            return True

        full = sample_subject()
        judge(look, full)
        assert seen["latency_ms"] == full.latency_ms
        assert (seen["span"], seen["example"]) == (full.span, full.example)
        assert (seen["metadata"], seen["passages"]) == (full.metadata, full.passages)

    def test_a_missing_field_is_unscored_and_the_function_is_not_called(self) -> None:
        @scorer
        def needs(output: str, context: list[str], expected: str) -> bool:
            raise AssertionError("called without what it needs")

        score = one(needs, output="x")
        assert (score.status, score.reason) == ("unscored", "missing: context, expected")

    def test_a_default_stands_in_for_a_missing_field(self) -> None:
        @scorer
        def copes(output: str, expected: str | None = None, latency_ms: float = 7.0) -> str:
            return f"{expected} {latency_ms}"

        assert one(copes, output="x").label == "None 7.0"
        assert one(copes, output="x", expected="y", latency_ms=1.0).label == "y 1.0"

    def test_zero_and_empty_are_present(self) -> None:
        @scorer
        def sizes(output: str, context: list[str], latency_ms: float) -> float:
            return len(output) + len(context) + latency_ms

        assert one(sizes, output="", context=(), latency_ms=0.0).value == 0.0

    def test_text_is_read_out_of_messages_where_str_is_asked_for(self) -> None:
        @scorer
        def texts(input: str, output: str, expected: str) -> str:
            return f"{input}|{output}|{expected}"

        conversation = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": [{"type": "text", "text": "Second?"}]},
        ]
        answer = [{"role": "assistant", "content": "8321"}]
        score = one(texts, input=conversation, output=answer, expected={"answer": "8322"})
        assert score.label == "Second?|8321|8322"
        score = one(texts, input={"messages": conversation}, output={"port": 1}, expected=["a", 2])
        assert score.label == 'Second?|{"port":1}|a\n2'

    def test_values_are_raw_where_str_is_not_asked_for(self) -> None:
        @scorer
        def raw(output: list[dict[str, Any]], input: Any, expected) -> bool:
            return output[0]["content"] == "a" and input == {"q": 1} and expected == {"e": 2}

        assert one(raw, output=[{"content": "a"}], input={"q": 1}, expected={"e": 2}).passed

    def test_messages_without_a_user_have_no_question(self) -> None:
        @scorer
        def asks(input: str) -> str:
            return input

        score = one(asks, input=[{"role": "system", "content": "Be brief."}])
        assert (score.status, score.reason) == ("unscored", "missing: input")

    def test_an_annotation_only_type_checkers_know_does_not_hide_the_others(self) -> None:
        @scorer
        def typed(output: str, metadata: OnlyForTypeCheckers[str, int]) -> str:
            return output

        assert one(typed, output=[{"content": "text"}], metadata={}).label == "text"

    def test_a_scorer_cannot_change_the_record_it_judges(self) -> None:
        @scorer
        def meddles(metadata: dict[str, Any], context: list[str]) -> bool:
            metadata["added"] = 1
            context.append("added")
            return True

        judged = subject(metadata={"a": 1}, context=("c",))
        judge(meddles, judged)
        assert (judged.metadata, judged.context) == ({"a": 1}, ("c",))

    @pytest.mark.parametrize(
        ("function", "culprit"),
        [
            (lambda answer: True, "answer"),
            (lambda output, prompt: True, "prompt"),
            (lambda *output: True, r"\*output"),
            (lambda **everything: True, "everything"),
            (lambda self, output: True, "self"),
            (lambda: True, "no field"),
        ],
    )
    def test_an_unknown_argument_is_refused_when_the_scorer_is_declared(
        self, function: Any, culprit: str
    ) -> None:
        with pytest.raises(ScorerError, match=culprit) as caught:
            scorer(name="wrong")(function)
        assert "latency_ms" in str(caught.value)

    @pytest.mark.parametrize(
        "declared",
        [
            {"name": "no\nname"},
            {"name": ""},
            {"name": "x" * 201},
            {"scale": "percent"},
            {"scale": (5, 1)},
            {"scale": (0, math.inf)},
            {"scale": (None, 0)},
            {"scale": (0, 1, 2)},
            {"tier": "human"},
            {"timeout_s": 0},
            {"timeout_s": math.nan},
        ],
    )
    def test_a_wrong_declaration_is_refused(self, declared: dict[str, Any]) -> None:
        with pytest.raises(ScorerError):
            returning(True, **declared)

    def test_a_lambda_needs_a_name(self) -> None:
        with pytest.raises(ScorerError, match="give name="):
            scorer(lambda output: True)


class TestFailures:
    def test_an_exception_is_an_error_that_names_it(self) -> None:
        @scorer
        def broken(output: str) -> bool:
            raise KeyError("no such key")

        score = one(broken, output="x")
        assert (score.status, score.reason) == ("error", "KeyError: 'no such key'")

    @pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), RecursionError()])
    def test_not_even_an_exit_leaves_the_scorer(self, error: BaseException) -> None:
        @scorer
        def leaves(output: str) -> bool:
            raise error

        @scorer
        async def leaves_later(output: str) -> bool:
            raise error

        for which in (leaves, leaves_later):
            score = one(which, output="x")
            assert score.status == "error"
            assert type(error).__name__ in (score.reason or "")

    def test_a_long_or_unreadable_message_is_cut_down(self) -> None:
        class Spiteful(Exception):
            def __str__(self) -> str:
                raise ValueError

        def raising(error: Exception) -> Any:
            @scorer
            def broken(output: str) -> bool:
                raise error

            return broken

        for error in (ValueError("x" * 10_000), Spiteful(), ValueError("\udcff")):
            score = one(raising(error), output="x")
            assert score.status == "error"
            assert score.reason is not None
            assert len(score.reason) <= 500
            score.reason.encode()

    def test_a_subject_that_cannot_be_read_is_an_error(self) -> None:
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        assert one(returning(True), output=deep).status == "error"

    def test_an_async_scorer_that_takes_too_long_times_out(self) -> None:
        @scorer(timeout_s=0.01)
        async def slow(output: str) -> bool:
            await asyncio.Event().wait()
            return True

        score = one(slow, output="x")
        assert (score.status, score.reason) == ("timeout", "took longer than 0.01 s")

    def test_a_blocking_scorer_with_a_timeout_times_out_and_holds_nobody_up(self) -> None:
        release = threading.Event()

        @scorer(timeout_s=0.01)
        def hangs(output: str) -> bool:
            return release.wait(60)

        async def both() -> tuple[list[Score], list[Score]]:
            full = subject(output="x")
            return await asyncio.gather(hangs.score(full), returning(True).score(full))

        [[stuck], [quick]] = asyncio.run(both())
        release.set()
        assert (stuck.status, quick.status) == ("timeout", "scored")

    def test_a_timeout_of_the_scorers_own_making_is_an_error(self) -> None:
        @scorer(timeout_s=60)
        async def gives_up(output: str) -> bool:
            raise TimeoutError("upstream")

        assert one(gives_up, output="x").reason == "TimeoutError: upstream"

    def test_cancelling_the_caller_cancels_the_scorer(self) -> None:
        async def run() -> None:
            begun = asyncio.Event()

            @scorer
            async def waits(output: str) -> bool:
                begun.set()
                await asyncio.Event().wait()
                return True

            task = asyncio.create_task(waits.score(subject(output="x")))
            await begun.wait()
            task.cancel()
            await task

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(run())

    def test_a_coroutine_from_a_plain_function_is_explained(self) -> None:
        async def later() -> bool:
            return True

        @scorer
        def forgets(output: str) -> Any:
            return later()

        assert "async def" in (one(forgets, output="x").reason or "")


class TestObject:
    def test_it_is_called_like_the_function_and_keeps_its_documentation(self) -> None:
        @scorer(name="fine/one", version="3", tier="model", higher_is_better=False)
        def fine(output: str, expected: str = "y") -> bool:
            """Says whether."""
            return output == expected

        assert fine("y")
        assert not fine("y", expected="z")
        assert inspect.getdoc(fine) == "Says whether."
        assert inspect.unwrap(fine).__name__ == "fine"
        assert (fine.name, fine.version, fine.tier, fine.higher_is_better) == (
            "fine/one",
            "3",
            "model",
            False,
        )
        with pytest.raises(dataclasses.FrozenInstanceError):
            fine.name = "other"

    def test_the_facade_offers_it(self) -> None:
        assert trimtab.scorer is scorer

    def test_callable_objects_can_be_scorers(self) -> None:
        class Contains:
            def __init__(self, word: str) -> None:
                self.word = word

            async def __call__(self, output: str) -> bool:
                return self.word in output

        contains = scorer(name="contains")(Contains("port"))
        assert one(contains, output="the port").passed is True

    def test_the_digest_follows_code_defaults_closure_and_declaration(self) -> None:
        def with_word(word: str, **declared: Any) -> FunctionScorer[Any, Any]:
            @scorer(name="contains", **declared)
            def contains(output: str) -> bool:
                return word in output

            return contains

        @scorer(name="contains")
        def other(output: str) -> bool:
            return "a" in output or False

        @scorer(name="contains")
        def defaulted(output: str, expected: str = "a") -> bool:
            return expected in output

        made = [
            with_word("a"),
            with_word("b"),
            with_word("a", version="2"),
            with_word("a", scale="unit"),
            with_word("a", higher_is_better=False),
            other,
            defaulted,
        ]
        assert len({each.digest for each in made}) == len(made)
        assert with_word("a").digest == with_word("a").digest

    def test_a_function_without_source_still_has_a_digest_of_its_code(self) -> None:
        def compiled(body: str) -> str:
            space: dict[str, Any] = {}
            exec(f"def made(output):\n    return {body}", space)
            digest: str = scorer(space["made"]).digest
            return digest

        first = compiled("any(c in {'a', 'b'} for c in output)")
        assert first == compiled("any(c in {'a', 'b'} for c in output)")
        assert first != compiled("any(c in {'a', 'c'} for c in output)")

    def test_a_scorer_that_closes_over_itself_has_a_digest(self) -> None:
        @scorer
        def recursive(output: str) -> bool:
            return len(output) < 2 or recursive(output[1:])

        assert one(recursive, output="xyz").passed is True

    def test_scorers_that_name_each_other_have_digests_that_say_when_one_changes(self) -> None:
        def pair(least: int) -> FunctionScorer[..., bool]:
            @scorer
            def even(output: str) -> bool:
                return not output or odd(output[1:])

            @scorer
            def odd(output: str, *, shortest: int = least) -> bool:
                return len(output) >= shortest and even(output[1:])

            return even

        assert pair(1).digest == pair(1).digest != pair(2).digest

    def test_time_comes_from_the_clock(self) -> None:
        class Ticking:
            def __init__(self) -> None:
                self.ticks = iter([1_000_000_000, 1_250_000_000])

            def now_ns(self) -> int:
                return 42

            def monotonic_ns(self) -> int:
                return next(self.ticks)

        made = dataclasses.replace(returning(True), clock=Ticking())
        score = one(made, output="x")
        assert (score.time_ns, score.latency_ms) == (42, 250.0)
        assert made.digest == returning(True).digest
