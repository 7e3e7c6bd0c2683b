"""The scorers that need no model, one table each: what they say of an answer, and of a bad row."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ScorerError
from trimtab.ports import Subject
from trimtab.records import Message, Passage, Score, Target, TokenLogprob, ToolCall
from trimtab.scorers.registry import BUILT_IN
from trimtab.scorers.tools import wanted
from trimtab.testing.scorer import judge

Settings = dict[str, Any]


def scores(name: str, settings: Settings | None = None, **fields: Any) -> list[Score]:
    which = BUILT_IN[name].configured(**(settings or {}))
    return judge(which, Subject(target=Target(kind="example", id="e1"), **fields))


def one(name: str, settings: Settings | None = None, **fields: Any) -> Score:
    [score] = scores(name, settings, **fields)
    return score


def numbers(name: str, settings: Settings | None = None, **fields: Any) -> dict[str, Any]:
    found = scores(name, settings, **fields)
    return {score.name.partition(".")[2]: score.value for score in found}


@pytest.mark.parametrize(
    ("name", "settings", "output", "expected", "passed"),
    [
        ("contains", {}, "Port 8321, over HTTP", "http", True),
        ("contains", {}, "Port 8321", ["9999", "8321"], True),
        ("contains", {"ignore_case": False}, "Port 8321, over HTTP", "http", False),
        ("contains", {"all": ["port", "http"]}, "Port 8321", None, False),
        ("contains", {"any": ["grpc", "http"]}, "over HTTP", None, True),
        ("contains", {"none": ["telnet"]}, "Telnet it is", None, False),
        ("contains", {"none": ["telnet"]}, "", None, True),
        ("contains", {"any": ["STRASSE"]}, "straße", None, True),
        ("starts_with", {}, " Yes, it does", "Yes", True),
        ("starts_with", {}, "yes", "Yes", False),
        ("starts_with", {"any": ["no", "yes"], "ignore_case": True}, "YES", None, True),
        ("ends_with", {}, "it is 42\n", "42", True),
        ("ends_with", {}, "it is 42.", "42", False),
        ("ends_with", {"any": ["B"]}, "b", None, False),
        ("one_of", {"values": ["positive", "negative"]}, " Positive. ", None, True),
        ("one_of", {"values": ["positive"]}, "It is positive", None, False),
        ("one_of", {}, "B", ["A", "B"], True),
        ("regex", {"pattern": "^8[0-9]+$"}, "8321", None, True),
        ("regex", {"pattern": "8", "match": "whole"}, "8321", None, False),
        ("regex", {"pattern": "83", "match": "start"}, "8321", None, True),
        ("regex", {"pattern": "PORT", "ignore_case": True}, "port", None, True),
        ("regex", {}, "8321", "[0-9]+", True),
        ("regex", {"pattern": "ANSWER: ([A-D])", "group": 1}, "ANSWER: A ANSWER: C", "C", True),
        ("regex", {"pattern": "ANSWER: ([A-D])", "group": 1}, "ANSWER: A", "C", False),
        ("regex", {"pattern": "ANSWER: ([A-D])", "group": 1}, "C", "C", False),
        ("length", {"most": 2}, "one two three", None, False),
        ("length", {"least": 3}, "one two three", None, True),
        ("length", {"most": 1, "unit": "lines"}, "a\nb", None, False),
        ("length", {"most": 3, "unit": "characters"}, "äöü", None, True),
        ("json_valid", {}, '{"a": [1]}', None, True),
        ("json_valid", {}, '```json\n{"a": 1}\n```', None, True),
        ("json_valid", {"fenced": False}, '```json\n{"a": 1}\n```', None, False),
        ("json_valid", {}, 'Here: {"a": 1}', None, False),
        ("json_valid", {}, '{"a": 1} {"b": 2}', None, False),
        ("json_valid", {}, "NaN", None, False),
        ("json_valid", {}, '"\ud800"', None, False),
        ("json_valid", {}, "[" * 100_000, None, False),
        ("json_valid", {}, [{"role": "assistant", "content": '{"a": 1}'}], None, True),
        ("json_valid", {}, [{"role": "assistant", "content": "no"}], None, False),
        ("json_schema", {"schema": {"required": ["a"]}}, '{"a": 1}', None, True),
        ("json_schema", {"schema": {"required": ["a"]}}, "{}", None, False),
        ("json_schema", {"schema": {"required": ["a"]}}, "no JSON", None, False),
        ("json_schema", {"schema": {"type": "integer"}}, "1.0", None, True),
        ("numeric_close", {}, "So 1,234 + 1 = 1,235.", 1235, True),
        ("numeric_close", {}, "It is 45 %", 0.45, True),
        ("numeric_close", {"absolute": 1}, "10", "11", True),
        ("numeric_close", {"relative": 0.01}, "101", 100, True),
        ("numeric_close", {"which": "first"}, "1 then 2", 1, True),
        ("numeric_close", {"which": "only"}, "about 1", 1, False),
        ("numeric_close", {}, "no number", 1, False),
        ("classification", {}, "**Spam**.", "spam", True),
        ("classification", {}, "I think it is spam", "spam", False),
        ("classification", {"labels": ["spam", "ham"]}, "I think it is Spam!", "spam", True),
        ("classification", {"labels": ["spam", "not spam"]}, "this is not spam", "not spam", True),
        ("classification", {"labels": ["spam", "ham"]}, "spam or ham", "spam", False),
        ("classification", {"labels": ["spam", "ham"]}, "hamlet", "ham", False),
    ],
)  # fmt: skip
def test_an_answer_passes_or_fails(
    name: str, settings: Settings, output: Any, expected: Any, passed: bool
) -> None:
    assert one(name, settings, output=output, expected=expected).passed is passed


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("contains", {"output": "x"}, "missing: expected"),
        ("one_of", {"output": "x"}, "expected"),
        ("ends_with", {"output": "x"}, "missing: expected"),
        ("regex", {"output": "x"}, "missing: expected"),
        ("regex", {"output": "x", "expected": "("}, "not a regular expression"),
        ("json_schema", {"output": "{}"}, "missing: schema"),
        ("numeric_close", {"output": "1", "expected": "one"}, "not a number"),
        ("classification", {"output": "x", "expected": " . "}, "empty"),
        ("calibration", {"output": "x", "expected": "x"}, "probability"),
        ("calibration", {"output": {"probability": 2}, "expected": "x"}, "probability"),
        ("calibration", {"output": {"probability": math.nan}, "expected": "x"}, "probability"),
        ("calibration", {"output": {"probability": 0.5}}, "missing: outcome"),
        (
            "calibration",
            {"output": "x", "metadata": {"probability": 0.5, "outcome": "maybe"}},
            "neither true nor false",
        ),
        ("tool_called", {"tool_calls": (), "expected": {"x": 1}}, "expected calls"),
        ("tool_called", {"output": "x"}, "missing: tool_calls"),
        ("tool_args", {"tool_calls": (), "expected": ["search"]}, "no arguments"),
        ("tool_sequence", {"tool_calls": (), "expected": [{}]}, "expected calls"),
        ("trajectory_f1", {"tool_calls": (), "expected": [7]}, "expected calls"),
        ("tool_schema", {"tool_calls": ()}, "missing: tools"),
        ("retrieval", {"passages": ()}, "missing: relevant"),
        ("retrieval", {"passages": (), "metadata": {"relevant": {"a": 0}}}, "nothing is relevant"),
        ("retrieval", {"passages": (), "metadata": {"relevant": {"a": -1}}}, "a gain"),
        ("retrieval", {"passages": (), "metadata": {"relevant": {"a": "high"}}}, "a gain"),
        ("retrieval", {"passages": (), "metadata": {"relevant": {"a": 5000}}}, "a gain"),
        ("citation_ids", {"output": "no"}, "nothing is cited"),
        ("quote_in_source", {"output": 'a "b"', "context": ("x",)}, "nothing is quoted"),
        ("prompt_leak", {"output": "x"}, "a system prompt"),
        ("perplexity", {"logprobs": ()}, "no log probabilities"),
        ("self_consistency", {"output": "x", "samples": ()}, "missing: samples"),
        ("readability", {"output": "..."}, "no words"),
        ("grade_level", {"output": ""}, "no words"),
        ("levenshtein", {"output": "a" * 100_001, "expected": "a"}, "too long"),
        ("rouge", {"output": "a", "expected": "a b " * 30_000}, "too long"),
        ("ter", {"output": "a " * 1_001, "expected": "a"}, "too long"),
        ("json_diff", {"output": list(range(30_000)), "expected": 1}, "more than 20000"),
        ("sql_result", {"output": "SELECT 1", "expected": "SELECT 1"}, "missing: setup"),
        ("python_tests", {"output": "x = 1"}, "missing: tests"),
    ],
)
def test_what_cannot_be_judged_says_why(name: str, fields: dict[str, Any], reason: str) -> None:
    score = one(name, **fields)
    assert (score.status, score.value, score.passed) == ("unscored", None, None)
    assert reason in (score.reason or "")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("contains", {"any": "yes"}),
        ("contains", {"anny": ["yes"]}),
        ("regex", {"match": "somewhere"}),
        ("regex", {"group": -1}),
        ("length", {"unit": "pages"}),
        ("length", {"most": "ten"}),
        ("latency", {"most_ms": 0}),
        ("numeric_close", {"relative": -1}),
        ("rouge", {"kind": "rouge9"}),
        ("chrf", {"word_order": 7}),
        ("retrieval", {"k": 0}),
        ("retrieval", {"by": "text"}),
        ("loop", {"most": 0}),
        ("python_tests", {"limit_s": 0}),
        ("sql_result", {"limit_s": 10_000}),
        ("tool_sequence", {"order": "sorted"}),
        ("exact", {"name": "bad:name"}),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_scored(
    name: str, settings: Settings
) -> None:
    with pytest.raises(ScorerError):
        BUILT_IN[name].configured(**settings)


@pytest.mark.parametrize(
    ("name", "settings", "fields", "says"),
    [
        ("regex", {"pattern": "("}, {"output": "x"}, "not a regular expression"),
        ("regex", {"pattern": "x", "group": 1}, {"output": "x", "expected": "x"}, "no group 1"),
        ("json_schema", {"schema": {"type": 7}}, {"output": "1"}, "not a JSON Schema"),
        (
            "json_schema",
            {"schema": {"$ref": "http://127.0.0.1:9/schema"}},
            {"output": "1"},
            "refers to what is not in it",
        ),
        ("sql_result", {"setup": "NO SQL"}, {"output": "x", "expected": "SELECT 1"}, "the setup"),
        ("sql_result", {"database": "/none"}, {"output": "x", "expected": "x"}, "there is no file"),
    ],
)
def test_a_mistake_of_whoever_set_it_up_is_an_error(
    name: str, settings: Settings, fields: dict[str, Any], says: str
) -> None:
    score = one(name, settings, **fields)
    assert score.status == "error"
    assert says in (score.reason or "")


# -- JSON ----------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


class TestJsonDiff:
    @pytest.mark.parametrize(
        ("settings", "output", "expected", "value"),
        [
            ({}, '{"a": 1, "b": 2}', {"a": 1, "b": 3}, 0.5),
            ({}, '{"a": 1}', {"a": 1, "b": 2, "c": 3}, 0.5),
            ({}, '{"a": 1, "b": 2, "c": 3}', {"a": 1}, 0.5),
            ({}, "[1, 2, 3]", [3, 2, 1], 1 / 3),
            ({}, "1.0", 1, 1.0),
            ({}, "true", 1, 0.0),
            ({}, "no JSON", {"a": 1}, 0.0),
            ({}, '{"a": {}}', {"a": {}}, 1.0),
            ({"ignore": ["id"]}, '{"id": 1, "x": [{"id": 2, "y": 3}]}', {"x": [{"y": 3}]}, 1.0),
            ({"absolute": 0.01}, '{"a": 1.005}', {"a": 1}, 1.0),
            ({"relative": 0.01}, '{"a": 1.02}', {"a": 1}, 0.0),
            ({"absolute": 9}, "true", 1, 0.0),
        ],
    )
    def test_it_is_the_share_of_equal_leaves(
        self, settings: Settings, output: str, expected: Any, value: float
    ) -> None:
        score = one("json_diff", settings, output=output, expected=expected)
        assert score.value == pytest.approx(value)

    def test_differences_are_named_with_their_place(self) -> None:
        score = one("json_diff", output='{"a": [1], "c": 0}', expected={"a": [2], "b": 3})
        assert score.evidence == (
            "$.a[0]: 1, expected 2", "$.b: missing, expected 3", "$.c: not expected",
        )  # fmt: skip

    @given(JSON, JSON)
    def test_it_is_symmetric_and_one_only_for_equal_values(self, first: Any, second: Any) -> None:
        there = one("json_diff", output={"v": first}, expected={"v": second}).value
        back = one("json_diff", output={"v": second}, expected={"v": first}).value
        assert there == pytest.approx(back)
        assert one("json_diff", output={"v": first}, expected={"v": first}).value == 1.0


def test_a_schema_without_end_is_no_crash() -> None:
    score = one("json_schema", {"schema": {"$ref": "#"}}, output="1")
    assert score.evidence == ("$: nested too deeply to be checked",)


# -- numbers -------------------------------------------------------------------------------------


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(0, 1), st.floats(0, 10))
def test_numeric_close_is_the_rule_of_its_tolerances(
    given_: float, expected: float, relative: float, absolute: float
) -> None:
    settings = {"relative": relative, "absolute": absolute}
    score = one("numeric_close", settings, output=given_, expected=expected)
    assert score.passed is (abs(given_ - expected) <= max(absolute, relative * abs(expected)))


@pytest.mark.parametrize(
    ("output", "expected", "metadata", "value"),
    [
        ('{"answer": "Paris", "probability": 0.9}', "Paris", None, 0.01),
        ({"answer": "Rome", "probability": 0.9}, "Paris", None, 0.81),
        ("Paris", "Paris", {"probability": 1}, 0.0),
        ("anything", None, {"probability": 0.25, "outcome": False}, 0.0625),
    ],
)
def test_calibration_is_the_brier_score(
    output: Any, expected: Any, metadata: Any, value: float
) -> None:
    score = one("calibration", output=output, expected=expected, metadata=metadata)
    assert score.value == pytest.approx(value)
    assert set(score.metadata) == {"probability", "outcome"}


def test_perplexity_is_that_of_its_tokens() -> None:
    tokens = tuple(
        TokenLogprob(token="t", logprob=math.log(p), top=(math.log(p), math.log(1 - p)))
        for p in (0.5, 0.25)
    )
    found = numbers("perplexity", logprobs=tokens)
    assert found["value"] == pytest.approx(1 / math.sqrt(0.5 * 0.25))
    assert found["surprisal"] == pytest.approx(2.0)
    entropy = [-(p * math.log2(p) + (1 - p) * math.log2(1 - p)) for p in (0.5, 0.25)]
    assert found["entropy"] == pytest.approx(sum(entropy) / 2)
    assert one("perplexity", logprobs=(TokenLogprob(token="t", logprob=-math.inf),)).reason


def test_perfect_matches_of_long_texts_stay_on_the_scale() -> None:
    for name in ("bleu", "chrf"):
        for text in ("[" * 1_000, "nan", "b'x'", "the cat sat on the mat " * 50):
            score = one(name, output=text, expected=text)
            assert score.status == "scored"
            assert score.value == pytest.approx(100.0)


# -- passages ------------------------------------------------------------------------------------


def passages(*names: str) -> tuple[Passage, ...]:
    return tuple(Passage(id=f"{name}.md#x/0", text="", source=f"{name}.md") for name in names)


class TestRetrieval:
    def test_its_measures_are_those_of_a_ranking(self) -> None:
        found = passages("b", "a", "b", "c")
        relevant = {"a.md#x/0": 2, "c.md#x/0": 1, "d.md#x/0": 1, "b.md#x/0": 0}
        values = numbers("retrieval", {"k": 3}, passages=found, expected={"relevant": relevant})
        ideal = 2 + 1 / math.log2(3) + 1 / 2
        assert values == pytest.approx(
            {
                "hit": 1.0,
                "precision": 2 / 3,
                "recall": 2 / 3,
                "reciprocal_rank": 1 / 2,
                "average_precision": (1 / 2 + 2 / 3) / 3,
                "ndcg": (2 / math.log2(3) + 1 / 2) / ideal,
                "ndcg_exponential": (3 / math.log2(3) + 1 / 2) / (3 + 1 / math.log2(3) + 1 / 2),
                "bpref": 0.0,
                "success": 0.0,
            }
        )

    def test_documents_may_be_judged_as_a_whole(self) -> None:
        found = passages("b", "a")
        values = numbers(
            "retrieval", {"by": "source"}, passages=found, expected={"relevant": ["a.md"]}
        )
        assert values["reciprocal_rank"] == 0.5


class TestCitationIds:
    @pytest.mark.parametrize(
        ("output", "expected", "wanted"),
        [
            ("See [a.md#x/0].", None, {"valid": 1.0}),
            ("See [1] and [9].", None, {"valid": 0.5}),
            (
                "See [a.md#x/0] and [1].",
                ["a.md#x/0", "b.md#x/0"],
                {"valid": 1.0, "precision": 1.0, "recall": 0.5},
            ),
            ("See [7].", ["a.md#x/0"], {"valid": 0.0, "precision": 0.0, "recall": 0.0}),
            ("See nothing.", ["a.md#x/0"], {"recall": 0.0}),
            ("See [1].", "a.md#x/0", {"valid": 1.0, "precision": 1.0, "recall": 1.0}),
            ("See [1].", [["a"]], {"valid": 1.0}),
        ],
    )
    def test_citations_are_held_against_passages_and_against_those_expected(
        self, output: str, expected: Any, wanted: dict[str, float]
    ) -> None:
        fields = {"passages": passages("a", "b"), "expected": {"citations": expected}}
        assert numbers("citation_ids", output=output, **fields) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ('It says "The port is 8321".', 1.0),
        ("It says \u201cthe PORT, is 8321!\u201d", 1.0),
        ('It says "the port ... by default".', 1.0),
        ('It says "the port is 9999".', 0.0),
        ('It says "port is 8" and "the port is 8321".', 0.5),
    ],
)
def test_quotations_must_stand_in_a_passage(output: str, value: float) -> None:
    context = ("Other.", "The port is 8321, by default.")
    assert one("quote_in_source", output=output, context=context).value == value


@pytest.mark.parametrize(
    ("settings", "output", "value"),
    [
        ({}, "No.", 0.0),
        ({}, "You are Ada and you never say the word swordfish aloud to anybody.", 1.0),
        ({"canary": "XK-7"}, "It is XK-7.", 1.0),
        ({"words_in_a_row": 3}, "never say the word", 2 / 11),
    ],
)
def test_a_leak_is_the_share_of_the_system_prompt(
    settings: Settings, output: str, value: float
) -> None:
    prompt = "You are Ada and you never say the word swordfish aloud to anybody."
    system = Message(role="system", content=prompt)
    score = one("prompt_leak", settings, output=output, messages=(system,))
    assert score.value == pytest.approx(value)


# -- tools ---------------------------------------------------------------------------------------


def calls(*names: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(name=name) for name in names)


SEARCH = {
    "name": "search",
    "parameters": {"required": ["q"], "properties": {"q": {"type": "string"}}},
}
RIGHT = (ToolCall(name="search", arguments='{"q": "x"}'),)
WRONG = (ToolCall(name="search", arguments={"q": 1}),)
MADE = (
    ToolCall(name="get", arguments={"id": 1, "full": True}),
    ToolCall(name="get", arguments={"id": 2}),
)


@pytest.mark.parametrize(
    ("name", "settings", "made", "expected", "given"),
    [
        ("tool_called", {"all": ["a"], "none": ["b"]}, calls("a", "c"), None, True),
        ("tool_called", {"none": ["b"]}, calls("b"), None, False),
        ("tool_called", {}, calls("a"), ["a", "b"], False),
        ("tool_args", {}, MADE, [{"name": "get", "arguments": {"id": 1}}], 1.0),
        ("tool_args", {"match": "equal"}, MADE, [{"name": "get", "arguments": {"id": 1}}], 0.0),
        ("tool_args", {}, MADE, [{"name": "get", "arguments": {"id": 2}}] * 2, 0.5),
        ("tool_args", {}, MADE, [{"function": {"name": "get", "arguments": '{"id": 2}'}}], 1.0),
        ("tool_sequence", {}, calls("a", "x", "b"), ["a", "b"], True),
        ("tool_sequence", {"order": "exact"}, calls("a", "x", "b"), ["a", "b"], False),
        ("tool_sequence", {"order": "any_order"}, calls("b", "a"), ["a", "b"], True),
        ("tool_sequence", {"order": "any_order"}, calls("a"), ["a", "a"], False),
        ("tool_sequence", {}, calls("b", "a"), ["a", "b"], False),
        ("trajectory_f1", {}, calls("a", "a", "b"), ["a", "b"], 0.8),
        ("trajectory_f1", {}, calls(), [], 1.0),
        ("trajectory_f1", {}, calls("a"), [], 0.0),
        ("max_steps", {"most": 2}, calls("a", "a"), None, True),
        ("max_steps", {"most": 1}, calls("a", "a"), None, False),
        ("loop", {}, calls("a", "a", "b", "a"), None, True),
        ("loop", {}, calls("b", "a", "a", "a"), None, False),
        ("loop", {}, calls("x", *("a", "b") * 3), None, False),
        ("loop", {"most": 3}, calls(*("a", "b") * 3), None, True),
        ("tool_schema", {"tools": [SEARCH]}, RIGHT, None, True),
        ("tool_schema", {"tools": [{"function": SEARCH}]}, calls("search"), None, False),
        ("tool_schema", {"tools": [SEARCH]}, calls("delete"), None, False),
        ("tool_schema", {"tools": [SEARCH]}, WRONG, None, False),
        ("tool_schema", {"tools": [SEARCH]}, (), None, True),
    ],
)  # fmt: skip
def test_what_an_agent_did_is_held_against_what_it_should(
    name: str, settings: Settings, made: Any, expected: Any, given: bool | float
) -> None:
    score = one(name, settings, tool_calls=made, expected=expected)
    assert (score.passed if isinstance(given, bool) else score.value) == given


def test_a_loop_is_found_however_long_it_is() -> None:
    score = one("loop", tool_calls=calls(*("a", "b") * 20_000))
    assert score.evidence == ("a() then b() 20000 times in a row",)


@pytest.mark.parametrize("expected", [None, 7, {}, [[]], [{"name": 3}], [""]])
def test_what_is_no_call_is_not_taken_for_one(expected: Any) -> None:
    assert wanted(expected) is None


# -- what importing costs --------------------------------------------------------------------------


def test_scorers_of_code_import_no_arrays_until_they_need_them() -> None:
    code = (
        "import sys\n"
        "from trimtab.scorers.registry import BUILT_IN\n"
        "heavy = {'numpy', 'jsonschema', 'onnxruntime', 'rapidfuzz'}\n"
        "print([BUILT_IN[name].tier for name in BUILT_IN] and sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- SQL -------------------------------------------------------------------------------------------

SETUP = "CREATE TABLE t(a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (2, 'y')"


COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"


def sql(output: str, expected: Any, **settings: Any) -> Score:
    return one("sql_result", {"setup": SETUP, **settings}, output=output, expected=expected)


class TestSqlResult:
    @pytest.mark.parametrize(
        ("output", "expected", "passed"),
        [
            ("SELECT a FROM t", "SELECT a FROM t ORDER BY a DESC", True),
            ("SELECT DISTINCT a FROM t", "SELECT a FROM t", False),
            ("SELECT a AS n FROM t;", "SELECT a FROM t", True),
            ("Here it is:\n```SQL\nSELECT a FROM t\n```\nor so", "SELECT a FROM t", True),
            ("SELECT 0.1 + 0.2", "SELECT 0.3", True),
            ("SELECT 0.31", "SELECT 0.3", False),
            ("SELECT 1.0", "SELECT 1", True),
            ("SELECT a FROM t WHERE a = 2", ["SELECT 7", "SELECT a FROM t WHERE b = 'y'"], True),
            (f"{COUNTING} WHERE i < 3) SELECT i FROM n", "VALUES (1), (2), (3)", True),
            ("SELEKT", "SELECT 1", False),
            ("SELECT 1; SELECT 2", "SELECT 1", False),
            ("SELECT '\ud800'", "SELECT 1", False),
            ("SELECT 'a\x00b'", "SELECT 1", False),
        ],
    )  # fmt: skip
    def test_rows_decide(self, output: str, expected: Any, passed: bool) -> None:
        assert sql(output, expected).passed is passed

    def test_order_counts_where_it_is_asked_for(self) -> None:
        rows = "SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC"
        assert sql(*rows, ordered=True).passed is False

    @pytest.mark.parametrize(
        "output",
        [
            "DELETE FROM t",
            "DROP TABLE t",
            "INSERT INTO t VALUES (3, 'z')",
            "ATTACH '{folder}/new.db' AS other",
            "PRAGMA journal_mode = WAL",
            "VACUUM INTO '{folder}/copy.db'",
            "SELECT load_extension('{folder}/x')",
            "CREATE TABLE u(a)",
        ],
    )
    def test_a_query_that_does_more_than_read_fails_and_does_nothing(
        self, output: str, tmp_path: Path
    ) -> None:
        score = sql(output.format(folder=tmp_path), "SELECT 1")
        assert score.passed is False
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "output",
        [
            f"{COUNTING}) SELECT count(*) FROM n",
            f"{COUNTING}) SELECT i FROM n",
            f"{COUNTING} LIMIT 9000) SELECT hex(zeroblob(500000)) FROM n",
            "SELECT zeroblob(1000000000)",
            "SELECT a FROM t WHERE '" + "a" * 200 + "' LIKE '" + "%a" * 600 + "b'",
        ],
    )  # fmt: skip
    def test_a_query_without_end_is_ended(self, output: str) -> None:
        score = sql(output, "SELECT 1", limit_s=0.3)
        assert score.passed is False
        assert score.latency_ms is not None
        assert score.latency_ms < 20_000

    def test_what_the_row_does_wrong_is_no_fault_of_the_answer(self) -> None:
        assert sql("SELECT 1", "SELEKT").status == "unscored"
        metadata = {"setup": "ATTACH '/nowhere/x.db' AS other"}
        score = one("sql_result", output="SELECT 1", expected="SELECT 1", metadata=metadata)
        assert (score.status, "not authorized" in str(score.reason)) == ("unscored", True)

    def test_a_database_is_copied_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "shop #1.db"
        with sqlite3.connect(path) as connection:
            connection.executescript(SETUP)
        connection.close()
        before = path.read_bytes()
        settings = {"database": str(path), "setup": "INSERT INTO t VALUES (9, 'z')"}
        fields = {"output": "SELECT max(a) FROM t", "expected": "SELECT 9"}
        assert one("sql_result", settings, **fields).passed is True
        assert path.read_bytes() == before
