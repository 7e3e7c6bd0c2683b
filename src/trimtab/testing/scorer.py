"""What every scorer does, as tests: subclass and provide the fixture `scorer`.

    class TestMyScorer(ScorerContract):
        @pytest.fixture
        def scorer(self):
            return my_scorer

Override the fixture `subject` with one that the scorer can judge, when the sample cannot be judged.
"""

from __future__ import annotations

import asyncio
import math
import re
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.ports import Scorer, Subject
from trimtab.records import (
    Example,
    Message,
    Passage,
    Score,
    Span,
    Target,
    TokenLogprob,
    ToolCall,
    Usage,
)

PASSAGE = Passage(
    id="docs/serve.md#ports/0",
    source="docs/serve.md",
    heading="Ports",
    text="The server listens on port 8321 by default.",
)


_WORD = "The"


def sample_subject(**changes: Any) -> Subject:
    """A subject with everything in it: an answered question with the passage it rests on.

    Args:
        changes: other values for fields of it, as for what a scorer expects of `expected`.
    """
    question = "Which port does the server use?"
    answer = f"The server listens on port 8321 by default. [{PASSAGE.id}]"
    target = Target(kind="span", id="00f067aa0ba902b7", trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    messages = [{"role": "user", "content": question}]
    output = [{"role": "assistant", "content": answer}]
    started_ns = 1_700_000_000_000_000_000
    span = Span(
        trace_id=str(target.trace_id),
        span_id=target.id,
        name="docs",
        kind="chain",
        start_ns=started_ns,
        end_ns=started_ns + 12_500_000,
        status="ok",
        input=messages,
        output=output,
    )
    subject = Subject(
        target=target,
        project="docs",
        input=messages,
        output=output,
        expected="The server listens on port 8321.",
        context=(PASSAGE.text,),
        passages=(PASSAGE,),
        messages=(
            Message(role="system", content="You answer from the passages and from nothing else."),
            Message(role="user", content=question),
            Message(role="assistant", content=answer),
        ),
        tool_calls=(ToolCall(name="search", arguments={"query": "port"}),),
        samples=("The port is 8321.",),
        baseline="Port 8321.",
        metadata={"kind": "answerable"},
        latency_ms=12.5,
        cost_usd=Decimal("0.000125"),
        usage=Usage(input=40, output=12),
        logprobs=(TokenLogprob(token=_WORD, logprob=-0.1, top=(-0.1, -2.5)),),
        model="openai/gpt-5",
        spans=(span,),
        span=span,
        example=Example(example_id="e1", input=question, expected="8321"),
        run="run-1",
    )
    return replace(subject, **changes)


HOSTILE: dict[str, Any] = {
    "empty": "",
    "blank": " \t\n\u2028 ",
    "null character": "a\x00b",
    "not a language": "\u0000\u202e\ufffe\U0001f469\u200d\U0001f680 שלום",
    "one long word": "a" * 100_000,
    "many spaces": "a" + " " * 2_000 + "b",
    "brackets": "[" * 3_000 + "]" * 3_000,
    "number": 42,
    "huge number": 10**400,
    "not a number": math.nan,
    "bool": True,
    "list": [1, None, [["deep"]], {"content": None}],
    "object": {"answer": {"text": ["x", 3]}},
    "message without content": [{"role": "assistant", "content": None}],
    "tool call": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
    "image": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
}
"""Values an input, an output or an expected answer can have and nobody wishes for."""


class ScorerContract:
    """Behaviour that tests, experiments and live scoring rely on."""

    @pytest.fixture
    def scorer(self) -> Scorer:
        raise NotImplementedError("provide a fixture `scorer`")

    @pytest.fixture
    def subject(self) -> Subject:
        return sample_subject()

    def test_it_says_what_it_is(self, scorer: Scorer) -> None:
        assert isinstance(scorer, Scorer)
        assert re.fullmatch(r"[a-zA-Z0-9_.\-/ ]{1,200}", scorer.name)
        assert scorer.version
        assert re.fullmatch(r"[0-9a-f]{64}", scorer.digest)
        assert scorer.tier in ("code", "model", "judge")
        assert isinstance(scorer.higher_is_better, bool)

    def test_it_judges_a_subject_that_has_everything(
        self, scorer: Scorer, subject: Subject
    ) -> None:
        assert {score.status for score in judge(scorer, subject)} == {"scored"}

    def test_its_scores_name_the_target_and_the_scorer(
        self, scorer: Scorer, subject: Subject
    ) -> None:
        for score in judge(scorer, subject):
            assert (score.target, score.project, score.run) == (
                subject.target,
                subject.project,
                subject.run,
            )
            assert score.name == scorer.name or score.name.startswith(f"{scorer.name}.")
            assert (score.digest, score.scorer_version) == (scorer.digest, scorer.version)
            assert score.source == scorer.tier
            assert score.time_ns > 0
            assert score.latency_ms is not None
            assert score.latency_ms >= 0

    def test_an_empty_subject_is_unscored_with_a_reason(self, scorer: Scorer) -> None:
        scores = judge(scorer, Subject(target=Target(kind="example", id="e1")))
        assert [score.status for score in scores] == ["unscored"] * len(scores)
        assert scores

    @pytest.mark.parametrize("field", ["input", "output", "expected"])
    @pytest.mark.parametrize("kind", sorted(HOSTILE))
    def test_a_strange_subject_gets_a_status_and_never_an_exception(
        self, scorer: Scorer, subject: Subject, field: str, kind: str
    ) -> None:
        scores = judge(scorer, replace(subject, **{field: HOSTILE[kind]}))
        assert scores
        assert {score.status for score in scores} <= {"scored", "unscored"}

    def test_absent_and_strange_surroundings_are_no_exception(
        self, scorer: Scorer, subject: Subject
    ) -> None:
        for changes in (
            {"context": (), "passages": ()},
            {"context": ("", "\x00", " " * 1_000), "passages": None},
            {"metadata": {"kind": 7, "answerable": "yes"}},
            {"metadata": None, "example": None, "span": None, "cost_usd": None},
        ):
            assert judge(scorer, replace(subject, **changes))

    def test_judging_again_gives_the_same_score_under_the_same_id(
        self, scorer: Scorer, subject: Subject
    ) -> None:
        first, second = judge(scorer, subject), judge(scorer, subject)
        assert [score.score_id for score in first] == [score.score_id for score in second]
        if scorer.tier == "code":
            assert [_content(score) for score in first] == [_content(score) for score in second]

    def test_other_targets_and_other_runs_get_other_ids(
        self, scorer: Scorer, subject: Subject
    ) -> None:
        other = Target(kind="example", id="another")
        subjects = [subject, replace(subject, target=other), replace(subject, run="run-2")]
        ids = [score.score_id for one in subjects for score in judge(scorer, one)]
        assert len(set(ids)) == len(ids)

    def test_many_subjects_at_once_do_not_mix(self, scorer: Scorer, subject: Subject) -> None:
        subjects = [
            replace(subject, target=Target(kind="example", id=f"e{n}"), latency_ms=float(n))
            for n in range(50)
        ]

        async def together() -> list[list[Score]]:
            return await asyncio.gather(*map(scorer.score, subjects))

        for one, scores in zip(subjects, asyncio.run(together()), strict=True):
            assert {score.target for score in scores} == {one.target}
            alone = judge(scorer, one)
            if scorer.tier == "code":
                assert [_content(score) for score in scores] == [_content(s) for s in alone]

    def test_judging_changes_neither_the_subject_nor_the_scorer(
        self, scorer: Scorer, subject: Subject
    ) -> None:
        before, digest = repr(subject), scorer.digest
        judge(scorer, subject)
        assert (repr(subject), scorer.digest) == (before, digest)
        anything: Any = scorer
        with pytest.raises((AttributeError, TypeError)):
            anything.name = "another"


def judge(scorer: Scorer, subject: Subject) -> list[Score]:
    """The scores of one subject, each checked for what holds of any score."""
    scores = asyncio.run(_score(scorer, subject))
    for score in scores:
        says = {name for name in ("value", "label", "passed") if getattr(score, name) is not None}
        # A number may have its verdict beside it, as the bool of what had better not be there.
        known = ({"value"}, {"label"}, {"passed"}, {"value", "passed"})
        assert says in known if score.status == "scored" else not says, score
        assert score.status == "scored" or score.reason, score
        assert score.value is None or math.isfinite(score.value), score
    assert len({score.score_id for score in scores}) == len(scores)
    return scores


async def _score(scorer: Scorer, subject: Subject) -> list[Score]:
    return await scorer.score(subject)


def _content(score: Score) -> tuple[object, ...]:
    """A judgement without when and how long."""
    return score.name, score.status, score.value, score.label, score.passed, score.reason
