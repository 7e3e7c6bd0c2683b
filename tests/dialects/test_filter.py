"""The filter language: what a text means, where an error points, and its own text read back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.dialects.filter import complete, matches, names, parse, place, render
from trimtab.errors import InvalidRequest
from trimtab.records import Span, Usage
from trimtab.records.filter import FIELDS, AllOf, AnyOf, Condition, Filter, Not
from trimtab.records.span import SpanKind, SpanStatus

NOW = 1_800_000_000_000_000_000
S = 1_000_000_000
DAY = 86_400 * S


def is_(field: str, *values: Any, op: Any = "=", key: str | None = None) -> Condition:
    return Condition(field=field, key=key, op=op, values=values)


def said(*words: str) -> Condition:
    return is_("text", *words, op="contains")


def read(text: str) -> Filter | None:
    return parse(text, now_ns=NOW)


U_X = is_("user", "x")
MEANINGS: list[tuple[str, Filter | None]] = [
    ("", None),
    (" \t\n", None),
    ("status:error", is_("status", "error")),
    ("Status:ERROR", is_("status", "error")),
    ("status=error", is_("status", "error")),
    ("status:ok,error", is_("status", "ok", "error")),
    ("status:ok, error", is_("status", "ok", "error")),
    ("status!=ok", Not(of=is_("status", "ok"))),
    ("-status:ok", Not(of=is_("status", "ok"))),
    ("NOT status:ok", Not(of=is_("status", "ok"))),
    ("--status:ok", is_("status", "ok")),
    ("-user!=u7", is_("user", "u7")),
    ("model:openai/gpt-4o:2024", is_("model", "openai/gpt-4o:2024")),
    ('user:"Zoë \\"Z\\" \\\\"', is_("user", 'Zoë "Z" \\')),
    ('user:""', is_("user", "")),
    ('user:"a,b",c', is_("user", "a,b", "c")),
    ("user:-x", is_("user", "-x")),
    ("user:OR", is_("user", "OR")),
    ("user:*", Condition(field="user", op="exists")),
    ('user:"*"', is_("user", "*")),
    ("name:*chat*", is_("name", "chat", op="contains")),
    ("name~chat,embed", is_("name", "chat", "embed", op="contains")),
    ("name ~ chat", is_("name", "chat", op="contains")),
    ("name:a,*b*", AnyOf(of=(is_("name", "a"), is_("name", "b", op="contains")))),
    ("refund", said("refund")),
    ("don't", said("don't")),
    ("refund policy", AllOf(of=(said("refund"), said("policy")))),
    ('"refund policy"', said("refund policy")),
    ('text:"refund policy"', said("refund policy")),
    ("text:a,b", said("a", "b")),
    ('-"refund"', Not(of=said("refund"))),
    ('"OR"', said("OR")),
    ('"or" "and" "not"', AllOf(of=(said("or"), said("and"), said("not")))),
    ("status:ok or kind:llm", AnyOf(of=(is_("status", "ok"), is_("kind", "llm")))),
    ("status:ok and kind:llm", AllOf(of=(is_("status", "ok"), is_("kind", "llm")))),
    ("a Or (b and not user:x)", AnyOf(of=(said("a"), AllOf(of=(said("b"), Not(of=U_X)))))),
    ("not(a or b)", Not(of=AnyOf(of=(said("a"), said("b"))))),
    ("orders nothing", AllOf(of=(said("orders"), said("nothing")))),
    ("user:or", is_("user", "or")),
    ("ORDER", said("ORDER")),
    ("返金", said("返金")),
    ("metadata.", said("metadata.")),
    ("error:timeout", is_("error", "timeout", op="contains")),
    ('error="no such model"', is_("error", "no such model")),
    ("cost_usd>0.01", is_("cost_usd", Decimal("0.01"), op=">")),
    ("cost:>$0.01", is_("cost_usd", Decimal("0.01"), op=">")),
    ("cost_usd >= 2", is_("cost_usd", 2, op=">=")),
    ("tokens<1.5k", is_("tokens", 1500, op="<")),
    ("tokens:1,2M", is_("tokens", 1, 2_000_000)),
    ("tokens!=0", Not(of=is_("tokens", 0))),
    ("latency>1.5s", is_("duration_ms", 1500, op=">")),
    ("duration_ms<=250", is_("duration_ms", 250, op="<=")),
    ("ttft>=500us", is_("ttft_ms", Decimal("0.5"), op=">=")),
    ("duration>2m", is_("duration_ms", 120_000, op=">")),
    ("root:true", is_("root", True)),
    ("open:No", is_("open", False)),
    ("root!=true", Not(of=is_("root", True))),
    ("tag:a,b", is_("tag", "a", "b")),
    ("since:24h", is_("since", NOW - DAY)),
    ("since:7d", is_("since", NOW - 7 * DAY)),
    ("since:500ms", is_("since", NOW - S // 2)),
    ("until:2026-11-01", is_("until", 1_793_491_200 * S)),
    ("since:2026-11-01T10:30+01:00", is_("since", (1_793_491_200 + 34_200) * S)),
    ('since:"2026-11-01 09:30:00.123456789Z"', is_("since", 1_793_525_400_123_456_789)),
    ("since:1969-12-31T23:59:59.5Z", is_("since", -S // 2)),
    ("metadata.tenant:acme", is_("metadata", "acme", key="tenant")),
    ("metadata.tier:5", is_("metadata", "5", key="tier")),
    ("metadata.tier>5", is_("metadata", 5, key="tier", op=">")),
    ('metadata."two words":x', is_("metadata", "x", key="two words")),
    ("metadata.a~b", is_("metadata", "b", key="a", op="contains")),
    (
        "attributes.gen_ai.request.model:x",
        is_("attributes", "x", key="gen_ai.request.model"),
    ),
    ("attributes.http.status_code>=500", is_("attributes", 500, key="http.status_code", op=">=")),
    ("score.faithfulness<0.5", is_("score", Decimal("0.5"), key="faithfulness", op="<")),
    ("score.thumb:false", is_("score", False, key="thumb")),
    ("score.tone:polite", is_("score", "polite", key="tone")),
    ("score.tone:1", is_("score", 1, key="tone")),
    ('score.tone:"1"', is_("score", "1", key="tone")),
    ("has:error", Condition(field="error", op="exists")),
    ("has:cost", Condition(field="cost_usd", op="exists")),
    ("-has:score.helpful", Not(of=Condition(field="score", key="helpful", op="exists"))),
    (
        'has:metadata."a b",user',
        AnyOf(
            of=(
                Condition(field="metadata", key="a b", op="exists"),
                Condition(field="user", op="exists"),
            )
        ),
    ),
    ("a b OR c", AnyOf(of=(AllOf(of=(said("a"), said("b"))), said("c")))),
    ("a AND b", AllOf(of=(said("a"), said("b")))),
    ("a (b OR c)", AllOf(of=(said("a"), AnyOf(of=(said("b"), said("c")))))),
    ("a (b c)", AllOf(of=(said("a"), said("b"), said("c")))),
    ("(a OR b)OR(c)", AnyOf(of=(said("a"), said("b"), said("c")))),
    ("-(a b)", Not(of=AllOf(of=(said("a"), said("b"))))),
    ("NOT(a OR b) c", AllOf(of=(Not(of=AnyOf(of=(said("a"), said("b")))), said("c")))),
    ("((a))", said("a")),
]


@pytest.mark.parametrize(("text", "meant"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_a_text_means_what_it_says(text: str, meant: Filter | None) -> None:
    assert read(text) == meant
    assert parse(render(meant), now_ns=0) == meant


def test_an_example_of_everything_at_once() -> None:
    found = read(
        'model:gpt-4o cost_usd>0.01 status:error user:u7 text:"refund policy" '
        "score.faithfulness<0.5 since:24h"
    )
    assert isinstance(found, AllOf)
    assert [part.field for part in found.of if isinstance(part, Condition)] == [
        "model",
        "cost_usd",
        "status",
        "user",
        "text",
        "score",
        "since",
    ]


# A text, the column of the error, and what the error and its advice say.
FAULTS: list[tuple[str, int, str, str]] = [
    ("model:x cosst>1", 9, "no field 'cosst'; did you mean cost?", "cost_usd"),
    ("modle:x", 1, "did you mean model", "quotes"),
    ("http://example.com", 1, "no field 'http'", "searched for in quotes"),
    (":x", 1, "a field is missing", "use one of"),
    ("status:eror", 8, "'eror' is not a status; did you mean error?", "ok, error, cancelled"),
    ("kind:llms", 6, "did you mean llm", "retriever"),
    ("status:ok,eror", 11, "did you mean error", "use one of"),
    ("user:", 6, "a value of user is missing", "user:VALUE"),
    ("user: x", 6, "a value of user is missing", "right behind"),
    ("user:a,", 8, "a value of user is missing", '""'),
    ("status>error", 7, "status cannot be compared with >", "use : !="),
    ("model>gpt", 6, "model cannot be compared with >", "~"),
    ("since>24h", 6, "since cannot be compared", "use :"),
    ("tag~x", 4, "tag cannot be compared with ~", "use :"),
    ("root~true", 5, "cannot be compared", "use :"),
    ("cost_usd>cheap", 10, "'cheap' is not a number", "0.5 or 100"),
    ("cost_usd>1s", 10, "not a number", "decimals"),
    ("tokens>5s", 8, "not a number", "100"),
    ("latency>5parsecs", 9, "not a number", "300ms"),
    ("tokens>1e19", 8, "not a number", "100"),
    ("cost>0.0000000000001", 6, "not a number", "12 decimals"),
    ("cost>1,2", 8, "takes one value", "OR"),
    ("root:maybe", 6, "either true or false", "root:true"),
    ("since:yesterday", 7, "not a time", "24h"),
    ("since:24", 7, "not a time", "2026-11-01"),
    ("since:2026-13-01", 7, "not a time", "ISO 8601"),
    ("since:2500-01-01", 7, "not a time", "between 1678"),
    ("since:1d,2d", 10, "takes one value", "OR"),
    ("name:chat*", 6, "a star stands at both ends", "name:*word*"),
    ("kind:l*", 6, "a star", "quote"),
    ('user:"abc', 6, "not closed", '"'),
    ('say "abc', 5, "not closed", '"'),
    ('user:"a"b', 9, "a space is missing", "space"),
    ("user:a(b)", 7, "a space is missing", "quotes"),
    ("(a b", 1, "not closed", ")"),
    ("a b)", 4, "closes nothing", "remove"),
    ("()", 2, "a condition is missing", "status:error"),
    ("a OR", 5, "a condition is missing", "status:error"),
    ("OR a", 1, "a condition is missing", "quotes"),
    ("a AND OR b", 7, "a condition is missing", "quotes"),
    ("NOT", 4, "a condition is missing", "status:error"),
    ("or a", 1, "a condition is missing", "quotes"),
    ("a or", 5, "a condition is missing", "status:error"),
    ("a and or b", 7, "a condition is missing", "quotes"),
    ("could not connect", 7, "negates the next one", '"could not connect"'),
    ('not "found"', 1, "negates the next one", "write NOT"),
    ("since:-5h", 7, "in the future", "since:5h"),
    ("until:-1.5d", 7, "in the future", "until:1.5d"),
    ("a - b", 3, "nothing is excluded", "quote"),
    ("a -", 3, "nothing is excluded", "quote"),
    ("metadata:x", 1, "metadata needs the name of an entry", "metadata.tenant"),
    ("has:score", 5, "score needs the name", "score.faithfulness"),
    ("has:nothing", 5, "no field 'nothing'", "use one of"),
    ("has:since", 5, "every span has since", "since:"),
    ("has:", 5, "a field is missing", "use one of"),
    ("(" * 40, 31, "nested deeper than 30", "fewer"),
    ("x " * 501, 1001, "more than 500 conditions", "several values"),
    ("x " * 20001, 40001, "more than 40,000 characters", "less"),
]


@pytest.mark.parametrize(
    ("text", "column", "what", "fix"), FAULTS, ids=[text[:20] for text, *_ in FAULTS]
)
def test_an_error_points_at_its_column_and_says_what_to_do(
    text: str, column: int, what: str, fix: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(text)
    error = caught.value
    assert what in error.what
    assert error.fix is not None
    assert fix in error.fix
    assert error.where == f"filter, column {column}"
    assert error.fields["column"] == column


def test_the_pointer_draws_the_text_with_carets_under_the_place() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read("返金 modle:x user:y")
    assert caught.value.fields["pointer"] == "返金 modle:x user:y\n     ^^^^^"


def test_the_pointer_shows_the_neighbourhood_of_a_place_in_a_long_text() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read("x " * 500 + "nosuch:1 " + "y " * 500)
    drawn, carets = caught.value.fields["pointer"].split("\n")
    assert drawn[carets.index("^") :].startswith("nosuch:1")
    assert len(drawn) < 80
    assert (drawn[0], drawn[-1]) == ("…", "…")


CANONICAL = [
    ("cost > .50", "cost_usd>0.5"),
    ("status=ok", "status:ok"),
    ("status!=ok", "-status:ok"),
    ("NOT (a OR b) c", "-(a OR b) c"),
    ("a b OR c d", "a b OR c d"),
    ("name:*two*", "name~two"),
    ('user:"plain"', "user:plain"),
    ("user:*", "has:user"),
    ("duration:90s", "duration_ms:90000"),
    ("since:2026-11-01", "since:2026-11-01T00:00:00Z"),
    ("text:refund", "refund"),
    ("has:user,cost", "has:user OR has:cost_usd"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_a_filter_has_one_text(text: str, canonical: str) -> None:
    assert render(read(text)) == canonical


# -- any text, any filter ----------------------------------------------------------------------

_PIECES = (
    *FIELDS,
    *(":", ":>", "=", "!=", ">", ">=", "<", "<=", "~", ",", ".", "-", "(", ")", "*", '"', "\\"),
    *("OR", "AND", "NOT", "or", "and", "not", "has:", "24h", "0.5", "2026-11-01", "error"),
    *(" ", "  ", "é", "\x00", "😀"),
)
texts = st.text(max_size=40) | st.lists(st.sampled_from(_PIECES), max_size=20).map("".join)


def refusal(text: str) -> InvalidRequest | None:
    try:
        read(text)
    except InvalidRequest as error:
        return error
    return None


@given(texts)
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    error = refusal(text)
    if error is None:
        found = read(text)
        assert parse(render(found), now_ns=0) == found
        return
    assert 1 <= error.fields["column"] <= len(text) + 1
    _, carets = error.fields["pointer"].split("\n")
    assert set(carets.strip()) == {"^"}
    assert error.fix


numbers = st.integers(-(1 << 63) + 1, (1 << 63) - 1) | st.decimals(
    "-1000000", "1000000", places=6
).map(lambda number: int(number) if number == int(number) else number.normalize())
moments = st.integers(-(1 << 63) + 1, (1 << 63) - 1)
words = st.text(max_size=8) | st.sampled_from(
    ["OR", "or", "Not", "true", "-1", "1e5", "a b", "*", 'say "hi"']
)
keys = st.text(min_size=1, max_size=8)


ordered, equal = st.sampled_from([">", ">=", "<", "<="]), st.just("=")
contains = st.just("contains")
choices = {"kind": get_args(SpanKind), "status": get_args(SpanStatus)}


def many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=3)


def one(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=1)


# What the reader makes of each type of field: pairs of operators and values.
OF_TYPE = {
    "text": [(equal | contains, many(words))],
    "number": [(ordered, one(numbers)), (equal, many(numbers))],
    "money": [(ordered, one(numbers)), (equal, many(numbers))],
    "time": [(equal, one(moments))],
    "flag": [(equal, one(st.booleans()))],
    "list": [(equal, many(words))],
    "entry": [(ordered, one(numbers)), (equal | contains, many(words))],
    "score": [(ordered, one(numbers)), (equal, many(words | numbers | st.booleans()))],
}


def _conditions(field: str) -> st.SearchStrategy[Condition]:
    pairs = OF_TYPE[FIELDS[field]]
    if field == "text":
        pairs = [(contains, many(words))]
    if field in choices:
        pairs = [(equal, many(st.sampled_from(choices[field])))]
    key = keys if FIELDS[field] in ("entry", "score") else st.none()
    return st.one_of(
        st.builds(Condition, field=st.just(field), key=key, op=op, values=values.map(tuple))
        for op, values in pairs
    )


conditions = st.sampled_from(sorted(FIELDS)).flatmap(_conditions)


def _combined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """All, any and not, as flat as the reader makes them."""
    parts = {
        kind: inner.filter(lambda one, k=kind: not isinstance(one, k))
        for kind in (AllOf, AnyOf, Not)
    }
    lists = {k: st.lists(parts[k], min_size=2, max_size=3).map(tuple) for k in (AllOf, AnyOf)}
    return (
        lists[AllOf].map(lambda of: AllOf(of=of))
        | lists[AnyOf].map(lambda of: AnyOf(of=of))
        | parts[Not].map(lambda of: Not(of=of))
    )


filters = st.recursive(conditions, _combined, max_leaves=8)


@given(filters)
def test_the_text_of_any_filter_reads_back_as_the_filter(filter: Filter) -> None:
    assert parse(render(filter), now_ns=NOW) == filter


@given(texts, st.integers(-1, 50))
def test_completion_replaces_what_is_typed_before_the_cursor(text: str, cursor: int) -> None:
    for found in complete(text, cursor, values=["a b", "x"]):
        assert 0 <= found.start <= found.end <= len(text)
        assert found.text


# -- completion --------------------------------------------------------------------------------


def completed(text: str, **values: Any) -> list[str]:
    return [
        text[: found.start] + found.text + text[found.end :]
        for found in complete(text, len(text), **values)
    ]


def test_fields_are_completed_with_their_usual_operator() -> None:
    assert completed("sta") == ["status:"]
    assert completed("user:x cost_") == ["user:x cost_usd>"]
    assert completed("(ses") == ["(session:"]
    assert completed("-sess") == ["-session:"]
    assert completed("meta") == ["metadata."]
    assert completed("O")[-1] == "OR "
    assert {f"{name}:" for name in ("model", "status", "root")} <= set(completed(""))


def test_a_whole_field_is_completed_with_the_operators_it_takes() -> None:
    assert completed("root") == ["root:"]
    assert {"cost>", "cost<=", "cost:"} <= set(completed("cost"))


def test_values_of_closed_fields_are_known() -> None:
    assert completed("status:er") == ["status:error"]
    assert completed("kind:llm,to") == ["kind:llm,tool", "kind:llm,retriever"][:1]
    assert completed("root:") == ["root:true", "root:false"]
    assert completed("since:2") == ["since:24h"]
    assert completed("-status:can") == ["-status:cancelled"]


def test_values_of_open_fields_are_those_that_were_found() -> None:
    assert completed("user:z", values=["Zoë", "Max Zorn", "Bob"]) == ["user:Zoë", 'user:"Max Zorn"']
    assert completed('user:"max', values=["Max Zorn"]) == ['user:"Max Zorn"']
    assert place("user:z", 6) is not None
    assert completed("user:z") == []


def test_what_can_be_absent_is_completed_after_has() -> None:
    assert "has:error" in completed("has:")
    assert completed("has:cost") == ["has:cost_usd"]
    assert completed("has:user,sess") == ["has:user,session"]


def test_nothing_is_completed_within_words_to_search_for() -> None:
    assert completed('"status:') == []


# -- one span in hand --------------------------------------------------------------------------

SPAN = Span(
    trace_id="a" * 32,
    span_id="b" * 16,
    name="Answer",
    kind="llm",
    start_ns=NOW - S,
    end_ns=NOW,
    status="error",
    error="Request timed out",
    user="u7",
    model="gpt-4o",
    usage=Usage(input=900, cache_read=100, output=50),
    cost_usd=Decimal("0.02"),
    first_token_ns=NOW - S // 2,
    input=[{"role": "user", "content": "Where is my REFUND?"}],
    output="I do not know",
    tags=("beta", "eu"),
    metadata={"tenant": "acme", "tier": 5, "trial": True},
    attributes={"http.status_code": 504},
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind:llm",
        "kind:tool,llm",
        "model:gpt-4o user:u7",
        "model~GPT",
        "error:TIMED",
        'error="Request timed out"',
        "refund",
        "answer",
        '"do not"',
        "-missing",
        "cost>0.01",
        "cost<=0.02",
        "cost:0.02",
        "tokens:1050",
        "input_tokens>=1000",
        "output_tokens<51",
        "latency:1s",
        "ttft:500ms",
        "root:true",
        "open:false",
        "priced:true",
        "tag:eu",
        "tag:us,beta",
        "-tag:us",
        "since:2s",
        "until:500ms",
        "-since:500ms",
        "metadata.tenant:acme",
        "metadata.tier:5",
        "metadata.tier>4",
        "metadata.trial:true",
        "metadata.tenant~CM",
        "attributes.http.status_code>=500",
        "has:error",
        "-has:session",
        "has:metadata.tenant",
        "-has:score.x",
        "user:x OR user:u7",
        "status!=ok",
    ],
)
def test_a_span_is_meant(text: str) -> None:
    assert matches(read(text), SPAN)


@pytest.mark.parametrize(
    "text",
    [
        "kind:tool",
        "-kind:llm",
        "session:x",
        "-user:u7",
        "session~x",
        "tokens>1050",
        "cost>0.02",
        "root:false",
        "tag:us",
        "since:500ms",
        "metadata.missing:x",
        "metadata.tenant>1",
        "refund missing",
        "score.x>0",
        'error="timed"',
    ],
)
def test_a_span_is_not_meant(text: str) -> None:
    assert not matches(read(text), SPAN)


@pytest.mark.parametrize(
    ("kind", "cost_usd", "priced"),
    [("llm", Decimal(0), True), ("llm", None, False), ("tool", None, None)],
)
def test_only_a_model_call_is_priced_or_not(
    kind: SpanKind, cost_usd: Decimal | None, priced: bool | None
) -> None:
    span = replace(SPAN, kind=kind, cost_usd=cost_usd)
    assert matches(read("priced:true"), span) == (priced is True)
    assert matches(read("priced:false"), span) == (priced is False)


def test_the_fields_that_a_filter_asks_about_are_named() -> None:
    assert list(names(read("a (user:x OR -score.y>1)"))) == ["text", "user", "score"]
    assert list(names(None)) == []
