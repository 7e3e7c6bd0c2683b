"""What the built-in scorers judge, and the subjects they are given."""

from __future__ import annotations

import collections
import inspect
import re
import string
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.dialects.passages import ABSTENTION
from trimtab.errors import ScorerError
from trimtab.ports import Response, Subject
from trimtab.records import Example, Passage, Score, Span, Target, ToolCall, Usage
from trimtab.scorers import subjects
from trimtab.scorers.abstention import should_abstain
from trimtab.scorers.registry import BUILT_IN, resolve
from trimtab.signals.refusal import is_abstention
from trimtab.testing.scorer import PASSAGE, judge


def subject(**fields: Any) -> Subject:
    return Subject(target=Target(kind="example", id="e1"), **fields)


def one(which: Any, **fields: Any) -> Score:
    [score] = judge(which, subject(**fields))
    return score


class TestSubjects:
    def span(self, **fields: Any) -> Span:
        plain = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "n", "start_ns": 0}
        return Span(**{**plain, "end_ns": 2_000_000, **fields})

    def test_a_call_has_the_passages_its_retriever_found(self) -> None:
        root = self.span(kind="chain", attributes={"k": 1}, project="p")
        found = [
            {"id": "a.md#x/0", "text": "One.", "source": "a.md", "heading": "X", "score": 1.5},
            {"id": "a.md#x/1", "text": "Two.", "source": "a.md"},
        ]
        spans = [
            root,
            self.span(kind="retriever", span_id="c" * 16, output=found),
            self.span(kind="llm", span_id="d" * 16, cost_usd=Decimal("0.5")),
            self.span(kind="llm", span_id="e" * 16, cost_usd=Decimal("0.25")),
        ]
        made = subjects.of_span(root, spans)
        assert made.target == Target(kind="span", id="b" * 16, trace_id="a" * 32)
        assert made.context == ("One.", "Two.")
        assert made.passages is not None
        assert made.passages[0] == Passage(
            id="a.md#x/0", text="One.", source="a.md", heading="X", score=1.5
        )
        assert (made.cost_usd, made.latency_ms, made.project) == (Decimal("0.75"), 2.0, "p")

    def test_no_retriever_is_not_the_same_as_nothing_found(self) -> None:
        root = self.span(kind="chain")
        assert subjects.of_span(root, [root]).context is None
        empty = self.span(kind="retriever", span_id="c" * 16, output=[])
        assert subjects.of_span(root, [root, empty]).context == ()

    def test_a_retriever_of_another_make_yields_texts_without_ids(self) -> None:
        root = self.span(kind="chain")
        foreign = self.span(kind="retriever", output=[{"content": "One."}, "Two."])
        made = subjects.of_span(root, [root, foreign])
        assert (made.context, made.passages) == (("One.", "Two."), None)

    def test_one_unpriced_call_makes_the_cost_unknown(self) -> None:
        root = self.span(kind="llm", cost_usd=Decimal(1))
        unpriced = self.span(kind="llm", span_id="c" * 16)
        assert subjects.of_span(root, [root, unpriced]).cost_usd is None
        assert subjects.of_span(root, [root]).cost_usd == Decimal(1)
        assert subjects.trace_cost([]) is None

    def test_a_call_has_its_tools_its_tokens_and_its_conversation(self) -> None:
        asked = [{"role": "user", "content": "Which port?"}]
        usage = Usage(input=3, output=1)
        root = self.span(kind="agent", input=asked, output="8321", model="m", usage=usage)
        spans = [
            root,
            self.span(kind="tool", name="read", start_ns=2, input={"n": 1}, error="no file"),
            self.span(kind="tool", name="search", start_ns=1, output=["a"]),
            self.span(kind="llm", usage=Usage(input=10, cache_read=2, output=5)),
            self.span(kind="llm", usage=Usage(input=1, output=1, estimated=True)),
        ]
        made = subjects.of_span(root, spans)
        assert made.tool_calls == (
            ToolCall(name="search", result=["a"]),
            ToolCall(name="read", arguments={"n": 1}, error="no file"),
        )
        assert made.usage == Usage(input=11, cache_read=2, output=6, estimated=True)
        assert [turn.text for turn in made.messages or ()] == ["Which port?", "8321"]
        assert (made.model, made.spans) == ("m", tuple(spans))
        assert subjects.of_span(root, [root]).usage is None

    def test_an_example_brings_its_context_when_the_response_has_none(self) -> None:
        example = Example(example_id="e", input="q", expected="a", context=("own",))
        made = subjects.of_example(example, Response(output="x"), project="p", run="r")
        assert (made.context, made.passages, made.expected) == (("own",), None, "a")
        response = Response(output="x", passages=(PASSAGE,), trace_id="a" * 32)
        made = subjects.of_example(example, response, run="r")
        assert (made.context, made.passages) == ((PASSAGE.text,), (PASSAGE,))
        assert made.target == Target(kind="example", id="e", trace_id="a" * 32)
        assert subjects.of_example(replace_context(example), Response(output="x")).context is None


def replace_context(example: Example) -> Example:
    return Example(example_id=example.example_id, input=example.input)


class TestRegistry:
    def test_names_resolve_in_order_and_once(self) -> None:
        assert [found.name for found in resolve(["cost", "exact", "cost"])] == ["cost", "exact"]

    def test_every_built_in_has_the_name_it_is_found_by(self) -> None:
        assert {name: found.name for name, found in BUILT_IN.items()} == {
            name: name for name in BUILT_IN
        }

    @pytest.mark.parametrize("name", sorted(BUILT_IN))
    def test_every_built_in_says_in_a_sentence_what_it_is(self, name: str) -> None:
        said = inspect.getdoc(BUILT_IN[name]) or ""
        first = said.partition("\n\n")[0]
        assert first.endswith("."), first
        which = BUILT_IN[name]
        for parameter in which.wants.parameters if which.tier != "judge" else ():
            assert re.search(rf"\b{parameter.name}\b", said), f"{name}: {parameter.name}"

    def test_an_unknown_name_is_answered_with_the_one_that_was_meant(self) -> None:
        with pytest.raises(ScorerError, match="did you mean 'groundedness'"):
            resolve(["exact", "groundednes"])
        with pytest.raises(ScorerError, match="use one of abstains, "):
            resolve(["zzz"])


class TestExact:
    @pytest.mark.parametrize(
        ("output", "expected", "passed"),
        [
            ("8321", "8321", True),
            (" 8321\n", "8321", True),
            ("b", ["a", "b"], True),
            ([{"role": "assistant", "content": "Yes!"}], "Yes!", True),
            ("Yes", "yes", False),
            ("8321.", "8321", False),
            ("a  b", "a b", False),
            ("It is 8321. [docs/serve.md#ports/0]", "It is 8321.", False),
            ("", "x", False),
        ],
    )
    def test_every_character_counts_but_white_space_around(
        self, output: Any, expected: Any, passed: bool
    ) -> None:
        assert one(BUILT_IN["exact"], output=output, expected=expected).passed is passed


class TestNormalised:
    @pytest.mark.parametrize(
        ("output", "expected"),
        [
            ("8321", "8321"),
            ("  The   Port\nis 8321. ", "the port is 8321"),
            ("It is 8321. [docs/serve.md#ports/0]", "It is 8321"),
            ("\ufb01ne \uff11", "Fine 1"),
            ("STRASSE", "straße"),
            ("b", ["a", "B"]),
            ([{"role": "assistant", "content": "Yes!"}], "yes"),
        ],
    )
    def test_the_same_answer_passes(self, output: Any, expected: Any) -> None:
        assert one(BUILT_IN["normalised"], output=output, expected=expected).passed is True

    @pytest.mark.parametrize(
        ("output", "expected"),
        [("-5", "5"), ("C++", "C#"), ("8321", "8322"), ("", "x"), ("a b", "ab"), ("x", ["y", "z"])],
    )
    def test_another_answer_fails(self, output: str, expected: Any) -> None:
        assert one(BUILT_IN["normalised"], output=output, expected=expected).passed is False

    @given(st.text(max_size=20), st.text(min_size=1, max_size=20))
    def test_whatever_is_exact_is_the_same_in_normal_form(self, output: str, expected: str) -> None:
        if one(BUILT_IN["exact"], output=output, expected=expected).passed:
            assert one(BUILT_IN["normalised"], output=output, expected=expected).passed


@pytest.mark.parametrize(
    "name", ["exact", "normalised", "token_f1", "rouge", "bleu", "levenshtein"]
)
@pytest.mark.parametrize("expected", ["", [], [" "]])
def test_an_empty_expected_text_is_unscored(name: str, expected: Any) -> None:
    assert one(BUILT_IN[name], output="x", expected=expected).status == "unscored"


def squad_f1(prediction: str, truth: str) -> float:
    """Token F1 written after the paper and the public evaluation rules, for comparison only."""

    def tokens(text: str) -> list[str]:
        kept = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()

    left, right = tokens(prediction), tokens(truth)
    if not left or not right:
        return float(left == right)
    shared = sum((collections.Counter(left) & collections.Counter(right)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(left), shared / len(right)
    return 2 * precision * recall / (precision + recall)


WORDS = st.lists(
    st.sampled_from(["a", "the", "port", "is", "8321", "gateway", "Trimtab", "on", "not"]),
    max_size=12,
).map(" ".join)


class TestTokenF1:
    @given(WORDS, WORDS.filter(lambda text: text.strip() != ""))
    def test_it_is_the_f1_of_squad(self, output: str, expected: str) -> None:
        score = one(BUILT_IN["token_f1"], output=output, expected=expected)
        assert score.value == pytest.approx(squad_f1(output, expected))

    def test_the_best_of_several_expected_texts_counts(self) -> None:
        score = one(BUILT_IN["token_f1"], output="port 8321", expected=["never", "port 8321"])
        assert score.value == 1.0

    def test_citations_are_not_words_of_the_answer(self) -> None:
        score = one(BUILT_IN["token_f1"], output="port 8321 [a.md#x/0]", expected="port 8321")
        assert score.value == 1.0


class TestAbstention:
    @pytest.mark.parametrize(
        "answer",
        [
            ABSTENTION,
            f"{ABSTENTION} Try the README.",
            "I don't know.",
            "I don\u2019t know.",
            "I honestly do not know the answer to that.",
            "I'm sorry, but I can't help with that.",
            "Sorry! The docs don't say.",
            "Unfortunately, I could not locate it.",
            "The provided context does not mention a price.",
            "This is not covered in the documentation.",
            "It isn't mentioned in the docs.",
            "There is no information about that.",
            "I am unable to answer this question.",
            "I'm not able to share that.",
            "That cannot be determined from the context.",
            "Not in the documentation.",
        ],
    )
    def test_a_refusal_is_recognised(self, answer: str) -> None:
        assert is_abstention(answer)

    @pytest.mark.parametrize(
        "answer",
        [
            "",
            "The port is 8321.",
            "The port is 8321. I don't know why.",
            "I don't know why, but the port is 8321.",
            "The gateway cannot find the route.",
            "You cannot answer prompts without a TTY.",
            "A call is not found: 404.",
            "An unknown name is answered with 404.",
            "If you do not know the port, run doctor.",
            "I know it: 8321.",
            'It abstains with "I don\'t know". [docs/embedded-model.md#abstention/0]',
            f'It says "{ABSTENTION}" [docs/embedded-model.md#abstention/0]',
        ],
    )
    def test_an_answer_is_not_a_refusal(self, answer: str) -> None:
        assert not is_abstention(answer)

    @pytest.mark.parametrize(
        ("expected", "metadata", "should"),
        [
            (None, {}, None),
            (None, {"kind": "answerable"}, False),
            (None, {"kind": "unanswerable"}, True),
            (None, {"kind": "hostile"}, True),
            (None, {"kind": "personal"}, True),
            ("8321", {"kind": "personal"}, False),
            ("8321", {}, False),
            ("", {}, None),
            (ABSTENTION, {}, True),
            ("8321", {"answerable": False}, True),
            (None, {"answerable": True}, False),
            (None, {"answerable": "yes", "kind": "other"}, None),
        ],
    )
    def test_an_unknown_answer_is_not_the_same_as_none(
        self, expected: Any, metadata: dict[str, Any], should: bool | None
    ) -> None:
        assert should_abstain(expected, metadata) is should

    @pytest.mark.parametrize("scorer_name", ["abstains", "answer_correct"])
    @pytest.mark.parametrize(
        ("output", "kind", "passed"),
        [
            (ABSTENTION, "unanswerable", True),
            (ABSTENTION, "answerable", False),
            ("It is 8321.", "unanswerable", False),
            ("It is 8321.", "answerable", True),
        ],
    )
    def test_it_passes_exactly_when_the_assistant_does_what_it_should(
        self, scorer_name: str, output: str, kind: str, passed: bool
    ) -> None:
        expected = "8321" if kind == "answerable" else None
        score = one(
            BUILT_IN[scorer_name], output=output, expected=expected, metadata={"kind": kind}
        )
        assert score.passed is passed

    @pytest.mark.parametrize("scorer_name", ["abstains", "answer_correct"])
    def test_without_a_word_on_what_is_right_it_is_unscored(self, scorer_name: str) -> None:
        score = one(BUILT_IN[scorer_name], output="It is 8321.")
        assert score.status == "unscored"
        assert "metadata.answerable" in (score.reason or "")


class TestAnswerCorrect:
    @pytest.mark.parametrize(
        ("output", "expected", "passed"),
        [
            ("By default the server listens on port 8321.", "It listens on port 8321.", True),
            ("Port 9999 is what the server listens on.", "It listens on port 8321.", False),
            ("Something else entirely.", "It listens on port 8321.", False),
            ("No.", "No", True),
            ("Use SIGTERM.", ["Press Ctrl-C", "use sigterm"], True),
            ("on", "on", True),
        ],
    )
    def test_recall_of_the_expected_words_and_numbers_decides(
        self, output: str, expected: Any, passed: bool
    ) -> None:
        assert one(BUILT_IN["answer_correct"], output=output, expected=expected).passed is passed

    def test_a_wrong_number_is_named(self) -> None:
        score = one(BUILT_IN["answer_correct"], output="port 9999", expected="port 8321")
        assert "8321" in score.evidence

    def test_an_answerable_question_without_a_reference_is_unscored(self) -> None:
        score = one(BUILT_IN["answer_correct"], output="x", metadata={"answerable": True})
        assert (score.status, score.reason) == ("unscored", "missing: expected")


class TestCitesSource:
    def test_a_retrieved_passage_must_be_cited_by_its_id(self) -> None:
        cites = BUILT_IN["cites_source"]
        ok = one(cites, output=f"It is 8321. [{PASSAGE.id}]", passages=(PASSAGE,))
        made_up = one(cites, output="It is 8321. [docs/none.md#x/7]", passages=(PASSAGE,))
        silent = one(cites, output="It is 8321.", passages=(PASSAGE,))
        assert (ok.passed, made_up.passed, silent.passed) == (True, False, False)
        assert made_up.evidence == ("docs/none.md#x/7",)

    @pytest.mark.parametrize(
        ("output", "passed"), [("See [2].", True), ("See [3].", False), ("See [0].", False)]
    )
    def test_a_passage_may_be_cited_by_its_place(self, output: str, passed: bool) -> None:
        assert one(BUILT_IN["cites_source"], output=output, context=("a", "b")).passed is passed

    def test_what_has_nothing_to_cite_is_unscored(self) -> None:
        cites = BUILT_IN["cites_source"]
        assert one(cites, output=ABSTENTION, passages=(PASSAGE,)).reason == "abstained"
        assert one(cites, output="It is 8321.").reason == "missing: context"
        unknown = one(cites, output=f"It is 8321. [{PASSAGE.id}]", context=("a",))
        assert unknown.status == "unscored"

    def test_where_nothing_was_retrieved_any_citation_is_made_up(self) -> None:
        cites = BUILT_IN["cites_source"]
        assert one(cites, output=f"8321 [{PASSAGE.id}]", passages=(), context=()).passed is False


PROSE = (
    "The gateway listens on port 8321 by default. Set the port in trimtab.yaml. "
    "A release must be approved before it is promoted to live traffic."
)


class TestGroundedness:
    def value(self, output: str, *context: str) -> float | None:
        return one(BUILT_IN["groundedness"], output=output, context=context).value

    def test_verbatim_quotes_are_wholly_grounded(self) -> None:
        for quote in PROSE.split(". "):
            assert self.value(f"{quote.rstrip('.')}. [docs/a.md#x/0]", "Other.", PROSE) == 1.0

    @pytest.mark.parametrize(
        ("output", "value"),
        [
            ("By default, port 8321 is what the gateway listens on.", 1.0),
            ("By default, port 9999 is what the gateway listens on.", 0.0),
            ("Cats sleep sixteen hours a day.", 0.0),
            ("The gateway listens on port 8321. Cats sleep all day.", 0.5),
            ("Set the port in trimtab.yaml. It is.", 1.0),
        ],
    )
    def test_it_is_the_share_of_supported_sentences(self, output: str, value: float) -> None:
        assert self.value(output, PROSE) == pytest.approx(value)

    def test_words_collected_from_several_sentences_support_nothing(self) -> None:
        assert self.value("The gateway must be approved in trimtab.yaml by default.", PROSE) == 0.0

    def test_without_passages_nothing_is_supported(self) -> None:
        assert self.value("The port is 8321.") == 0.0

    @pytest.mark.parametrize("output", [ABSTENTION, "", "It is what it is."])
    def test_what_says_nothing_is_unscored(self, output: str) -> None:
        score = one(BUILT_IN["groundedness"], output=output, context=(PROSE,))
        assert score.status == "unscored"

    def test_unsupported_sentences_are_the_evidence(self) -> None:
        score = one(BUILT_IN["groundedness"], output="Cats sleep.", context=(PROSE,))
        assert score.evidence == ("cats sleep",)

    @given(st.lists(st.sampled_from(PROSE.split()), min_size=1, max_size=30).map(" ".join))
    def test_it_stays_on_the_unit_scale_and_a_text_supports_itself(self, text: str) -> None:
        score = one(BUILT_IN["groundedness"], output=text, context=(text,))
        assert score.status == "unscored" or score.value == 1.0
        other = one(BUILT_IN["groundedness"], output=text, context=("Nothing here.",))
        assert other.value is None or 0 <= other.value <= 1


class TestOperational:
    def test_latency_and_cost_are_as_recorded_and_lower_is_better(self) -> None:
        fields = {"latency_ms": 12.5, "cost_usd": Decimal("0.000125")}
        for name, value in (("latency", 12.5), ("cost", 0.000125)):
            assert one(BUILT_IN[name], **fields).value == value
            assert BUILT_IN[name].higher_is_better is False

    def test_an_unpriced_call_has_no_cost_and_a_free_one_costs_nothing(self) -> None:
        assert one(BUILT_IN["cost"]).reason == "unpriced"
        assert one(BUILT_IN["cost"], cost_usd=Decimal(0)).value == 0.0

    @pytest.mark.parametrize(
        ("name", "settings", "passed"),
        [
            ("latency", {"most_ms": 12.5}, True),
            ("latency", {"most_ms": 12.4}, False),
            ("cost", {"most_usd": 0.1}, True),
            ("cost", {"most_usd": 0.09}, False),
            ("tokens", {"most": 15}, True),
            ("tokens", {"most": 9, "of": "input"}, False),
            ("tokens", {"most": 5, "of": "output"}, True),
        ],
    )
    def test_with_a_limit_they_pass_or_fail(
        self, name: str, settings: dict[str, Any], passed: bool
    ) -> None:
        which = BUILT_IN[name].configured(**settings)
        fields = {"latency_ms": 12.5, "cost_usd": Decimal("0.1")}
        assert one(which, usage=Usage(input=10, output=5), **fields).passed is passed

    def test_an_operation_that_failed_is_named(self) -> None:
        fine = Span(trace_id="a" * 32, span_id="b" * 16, name="n", start_ns=0, end_ns=1)
        bad = Span(
            trace_id="a" * 32, span_id="c" * 16, name="search", start_ns=0, end_ns=1,
            status="error", error="down",
        )  # fmt: skip
        assert one(BUILT_IN["span_error"], spans=(fine,)).passed is True
        score = one(BUILT_IN["span_error"], spans=(fine, bad))
        assert (score.passed, score.evidence) == (False, ("search: down",))
