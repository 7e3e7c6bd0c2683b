"""Records are immutable values that come back from JSON as they went in."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab import records
from trimtab.kit import jsonx
from trimtab.records import (
    AppliedScorer,
    Approval,
    Comparison,
    Dataset,
    Estimate,
    Example,
    Message,
    ModelTarget,
    Prompt,
    Record,
    Release,
    Retrieval,
    Run,
    Score,
    Target,
    Verdict,
)
from trimtab.records.example import examples_digest
from trimtab.records.prompt import prompt_digest
from trimtab.records.release import release_digest
from trimtab.records.score import TargetKind, score_id
from trimtab.testing import strategies as drawn

EVERY_RECORD = [
    kind for _, kind in inspect.getmembers(records, inspect.isclass) if kind is not Record
]

NUMBERS = st.none() | drawn.finite
ESTIMATES = st.builds(
    Estimate, value=NUMBERS, low=NUMBERS, high=NUMBERS, n=drawn.counts, total=drawn.counts
)
COMPARISONS = st.builds(
    Comparison, metric=drawn.texts, baseline=ESTIMATES, candidate=ESTIMATES, difference=ESTIMATES
)
VERDICTS = st.builds(
    Verdict,
    outcome=st.sampled_from(["pass", "fail", "inconclusive"]),
    reasons=st.lists(drawn.texts, max_size=2).map(tuple),
    comparisons=st.lists(COMPARISONS, max_size=2).map(tuple),
    cost_usd=drawn.costs,
)
RUNS = st.builds(
    Run,
    scorers=st.lists(st.builds(AppliedScorer), max_size=2).map(tuple),
    metrics=st.dictionaries(drawn.texts, ESTIMATES, max_size=2),
    verdict=st.none() | VERDICTS,
    cost_usd=drawn.costs,
    started_ns=drawn.int64,
    release=drawn.optional_texts,
    release_digest=drawn.optional_texts,
)
PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": drawn.texts}), max_size=2)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=st.none() | drawn.texts | PARTS,
    name=drawn.optional_texts,
    tool_call_id=drawn.optional_texts,
)
PROMPTS = st.builds(
    Prompt,
    messages=st.lists(MESSAGES, max_size=2).map(tuple),
    parameters=st.dictionaries(drawn.texts, drawn.json_values(), max_size=2),
)
RELEASES = st.builds(
    Release,
    targets=st.lists(st.builds(ModelTarget, weight=drawn.finite), max_size=2).map(tuple),
    parameters=st.dictionaries(drawn.texts, drawn.json_values(), max_size=2),
    retrieval=st.none() | st.builds(Retrieval, k1=st.floats(0, 100), b=st.floats(0, 1)),
    approvals=st.lists(st.builds(Approval), max_size=2).map(tuple),
)
EXAMPLES = st.builds(
    Example,
    input=drawn.json_values(),
    expected=drawn.json_values(),
    context=st.lists(drawn.texts, max_size=2).map(tuple),
    metadata=st.dictionaries(drawn.texts, drawn.json_values(), max_size=2),
    cluster=drawn.optional_texts,
)
ANY = st.one_of(
    drawn.spans(), drawn.scores(), EXAMPLES, PROMPTS, RELEASES, RUNS, st.builds(Dataset)
)


@given(ANY)
@settings(deadline=None)
def test_a_record_comes_back_from_json_as_it_was(record: Record) -> None:
    wire = jsonx.encode(record)
    assert msgspec.json.decode(wire, type=type(record)) == record


@given(ANY)
@settings(deadline=None, max_examples=30)
def test_a_record_of_a_newer_version_is_read_without_what_is_unknown(record: Record) -> None:
    wire = msgspec.json.decode(jsonx.encode(record)) | {"added_in_a_later_version": {"x": [1]}}
    assert msgspec.json.decode(jsonx.encode(wire), type=type(record)) == record


@pytest.mark.parametrize("kind", EVERY_RECORD)
def test_every_record_is_frozen_slotted_and_keyword_only(kind: type[Record]) -> None:
    assert kind.__struct_config__.frozen
    assert "__dict__" not in dir(kind)
    parameters = inspect.signature(kind).parameters.values()
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_record_cannot_be_changed_and_a_changed_copy_leaves_it_alone() -> None:
    target = Target(kind="span", id="a")
    with pytest.raises(AttributeError):
        target.id = "b"  # type: ignore[misc]
    assert msgspec.structs.replace(target, id="b") != target
    assert target.id == "a"


def test_two_records_never_share_a_default_that_can_change() -> None:
    one, other = (Example(example_id=name, input="x") for name in "ab")
    one.metadata["k"] = 1
    assert other.metadata == {}


class TestScore:
    @pytest.mark.parametrize(
        ("judged", "number"),
        [
            ({"value": 0.25}, 0.25),
            ({"value": 0.0, "passed": True}, 0.0),
            ({"passed": True}, 1.0),
            ({"passed": False}, 0.0),
            ({"label": "rude"}, None),
            ({"status": "unscored"}, None),
        ],
    )
    def test_a_judgement_is_a_number_where_it_is_one(
        self, judged: dict[str, Any], number: float | None
    ) -> None:
        score = Score(
            score_id="s", target=Target(kind="span", id="a"), name="n", time_ns=1, **judged
        )
        assert score.number == number

    @given(st.lists(st.tuples(*[st.sampled_from(["a", "b", ""])] * 5), min_size=2, max_size=2))
    def test_a_score_has_one_id_for_its_target_name_scorer_and_run(
        self, given: list[tuple[str, str, str, str, str]]
    ) -> None:
        ids = [
            score_id(Target(kind="span", id=i, trace_id=t or None), n, d, r or None)
            for i, t, n, d, r in given
        ]
        assert (ids[0] == ids[1]) == (given[0] == given[1])

    def test_targets_of_different_kinds_do_not_share_scores(self) -> None:
        kinds = get_args(TargetKind)
        ids = {score_id(Target(kind=kind, id="a"), "n", "d") for kind in kinds}
        assert len(ids) == len(kinds)


class TestRun:
    @pytest.mark.parametrize(("n", "total", "coverage"), [(0, 0, 0.0), (3, 4, 0.75), (4, 4, 1.0)])
    def test_coverage_is_the_share_that_could_be_scored(
        self, n: int, total: int, coverage: float
    ) -> None:
        estimate = Estimate(value=None, low=None, high=None, n=n, total=total)
        assert estimate.coverage == coverage


class TestReferences:
    def test_versioned_records_are_named_name_at_version(self) -> None:
        messages = (Message(role="system", content="x"),)
        prompt = Prompt(name="p", version=3, messages=messages, digest="", created_ns=1)
        dataset = Dataset(name="d", version=2, size=0, digest="", created_ns=1)
        release = Release(
            release_id="r", route="docs", version=7, targets=(), digest="", created_ns=1
        )
        assert [prompt.ref, dataset.ref, release.ref] == ["p@3", "d@2", "docs@7"]


class TestDigests:
    @given(PROMPTS, PROMPTS)
    def test_prompts_share_a_digest_exactly_when_nothing_that_matters_differs(
        self, one: Prompt, other: Prompt
    ) -> None:
        def content(prompt: Prompt) -> str:
            plain = msgspec.to_builtins([prompt.messages, prompt.parameters])
            return json.dumps(plain, sort_keys=True)

        digests = [prompt_digest(p.messages, p.parameters) for p in (one, other)]
        assert (digests[0] == digests[1]) == (content(one) == content(other))

    def test_each_part_of_a_release_changes_its_digest(self) -> None:
        base: dict[str, Any] = {
            "prompt_digest": "p",
            "targets": (ModelTarget(model="a"),),
            "parameters": {"temperature": 0},
            "guard_policy": None,
            "retrieval": Retrieval(corpus="docs"),
        }
        changes: list[dict[str, Any]] = [
            {},
            {"prompt_digest": None},
            {"targets": (ModelTarget(model="b"),)},
            {"targets": (ModelTarget(model="a", weight=2.0),)},
            {"targets": ()},
            {"parameters": {"temperature": 1}},
            {"guard_policy": "strict"},
            {"retrieval": Retrieval(corpus="docs", k=5)},
            {"retrieval": None},
        ]
        assert len({release_digest(**base | change) for change in changes}) == len(changes)

    def test_the_order_of_rows_and_their_content_make_a_dataset(self) -> None:
        rows = [Example(example_id=name, input=name) for name in "abc"]
        same = [Example(example_id=name, input=name) for name in "abc"]
        assert examples_digest(rows) == examples_digest(same)
        assert examples_digest(rows) != examples_digest(rows[::-1])
        changed = [*rows[:2], msgspec.structs.replace(rows[2], expected="c")]
        assert examples_digest(rows) != examples_digest(changed)
