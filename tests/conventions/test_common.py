"""What is the same for every convention: identity, status, resource, precedence, odd values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.conventions.reading import START_NS, buckets, event, read

from trimtab.conventions.routes import LONGEST_KEY, PRECEDENCE


def test_a_span_of_no_convention_keeps_what_it_has() -> None:
    links = ({"trace_id": "c" * 32, "span_id": "d" * 16, "attributes": {}},)
    span = read({"http.method": "GET"}, parent_id="e" * 16, links=links, resource={"k": "v"})
    assert (span.kind, span.project, span.name) == ("other", "acme", "work")
    assert (span.parent_id, span.links, span.resource) == ("e" * 16, links, {"k": "v"})
    assert span.attributes == {"http.method": "GET"}
    assert (span.usage, span.cost_usd, span.cost_source, span.model) == (None, None, None, None)
    assert not span.open


def test_the_trace_state_is_kept_beside_the_attributes() -> None:
    carried = {"a": 1}
    assert read(carried, trace_state="vendor=1").attributes == {
        "a": 1,
        "otel.trace_state": "vendor=1",
    }
    assert carried == {"a": 1}


@pytest.mark.parametrize(("code", "status"), [(0, "unset"), (1, "ok"), (2, "error"), (9, "unset")])
def test_the_status_is_that_of_opentelemetry(code: int, status: str) -> None:
    assert read(status_code=code).status == status


def test_the_error_is_the_status_message() -> None:
    failed = event("exception", **{"exception.type": "E", "exception.message": "m"})
    assert read(status_code=2, status_message="no", events=(failed,)).error == "no"


def test_without_a_status_message_the_error_is_the_exception() -> None:
    failed = event("exception", **{"exception.type": "ValueError", "exception.message": "no card"})
    assert read(status_code=2, events=(failed,)).error == "ValueError: no card"


def test_without_an_exception_the_error_is_its_type() -> None:
    assert read({"error.type": "timeout"}, status_code=2).error == "timeout"


def test_an_exception_that_was_handled_is_no_error() -> None:
    handled = event("exception", **{"exception.type": "E", "exception.message": "m"})
    span = read(status_code=1, events=(handled,))
    assert (span.status, span.error) == ("ok", None)


def test_the_service_comes_from_the_resource() -> None:
    assert read(resource={"service.name": "helpdesk"}).service == "helpdesk"


@pytest.mark.parametrize("named", [{}, {"service.name": "unknown_service:python"}])
def test_a_project_stands_in_for_a_service_without_a_name(named: dict[str, str]) -> None:
    resource = {**named, "openinference.project.name": "evals"}
    assert read(resource=resource).service == "evals"
    assert read({"langsmith.trace.session_name": "default"}, resource=named).service == "default"
    assert read(resource=named).service is None


def test_the_environment_of_the_span_goes_before_that_of_the_resource() -> None:
    resource = {"deployment.environment.name": "prod"}
    assert read(resource=resource).environment == "prod"
    assert read({"langfuse.environment": "test"}, resource=resource).environment == "test"


def test_an_attribute_of_a_wrong_type_is_as_good_as_absent() -> None:
    odd = {"openinference.span.kind": ["LLM"], "llm.model_name": {"a": 1}, "session.id": True}
    span = read({**odd, "llm.token_count.prompt": "many", "llm.cost.total": float("nan")})
    assert (span.kind, span.model, span.session, span.usage) == ("other", None, None, None)
    assert span.cost_usd is None
    assert span.attributes.keys() > odd.keys()


@pytest.mark.parametrize("depth", [90, 110, 100_000])
def test_json_nested_too_deep_stays_text(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    read_as = read({"input.value": nested}).input
    assert (read_as == nested) is (depth > 100)


def test_a_wrong_value_of_one_convention_leaves_the_word_to_the_next() -> None:
    span = read({"langfuse.observation.type": 7, "openinference.span.kind": "TOOL"})
    assert span.kind == "tool"


def test_what_an_application_said_goes_before_what_was_instrumented() -> None:
    span = read(
        {
            "gen_ai.operation.name": "chat",
            "openinference.span.kind": "CHAIN",
            "langfuse.observation.type": "agent",
            "langfuse.session.id": "by hand",
            "session.id": "by baggage",
            "gen_ai.conversation.id": "by the call",
            "tag.tags": ["b", "a"],
            "langfuse.trace.tags": ["a"],
        }
    )
    assert (span.kind, span.session) == ("agent", "by hand")
    assert span.tags == ("a", "b")


def test_metadata_of_several_conventions_is_merged() -> None:
    span = read(
        {
            "metadata": '{"tenant": "old", "a": {"b": 1}}',
            "langfuse.trace.metadata.tenant": "acme",
            "traceloop.association.properties.plan": "pro",
        }
    )
    assert span.metadata == {"tenant": "acme", "a.b": 1, "plan": "pro"}


def test_a_key_too_long_to_remember_is_read_all_the_same() -> None:
    entry = "x" * LONGEST_KEY
    assert read({f"langfuse.trace.metadata.{entry}": "v"}).metadata == {entry: "v"}


def test_no_two_conventions_claim_one_key() -> None:
    """A key is looked up once, so it can belong to one convention only."""
    for form in ("attributes", "lists", "below"):
        claimed: dict[str, str] = {}
        for convention in PRECEDENCE:
            for key, _, _ in getattr(convention, form):
                assert claimed.setdefault(key, convention.name) == convention.name, key


def test_the_response_model_goes_before_the_requested_one() -> None:
    asked = {"gen_ai.request.model": "gpt-4o"}
    assert read(asked).model == "gpt-4o"
    span = read({**asked, "gen_ai.response.model": "gpt-4o-2024-08-06"})
    assert span.model == "gpt-4o-2024-08-06"
    assert span.attributes["gen_ai.request.model"] == "gpt-4o"


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        ("OpenAI", "openai"),
        ("openai.responses", "openai"),
        ("anthropic.messages", "anthropic"),
        ("az.ai.openai", "azure"),
        ("azure.ai.inference", "azure"),
        ("azure-openai.chat", "azure"),
        ("aws.bedrock", "aws.bedrock"),
        ("amazon-bedrock", "aws.bedrock"),
        ("gcp.vertex_ai", "google"),
        ("google.generative-ai", "google"),
        ("mistral_ai", "mistral"),
        ("x_ai", "xai"),
        ("ibm.watsonx.ai", "ibm.watsonx"),
        ("Somebody", "somebody"),
        ("langchain", None),
        ("", None),
    ],
)
def test_providers_have_one_spelling(spelt: str, name: str | None) -> None:
    assert read({"gen_ai.provider.name": spelt}).provider == name


# -- usage and cost ----------------------------------------------------------------------------


def counted(**counts: int) -> dict[str, Any]:
    names = {
        "input": "input_tokens",
        "output": "output_tokens",
        "total": "total_tokens",
        "read": "cache_read.input_tokens",
        "written": "cache_creation.input_tokens",
        "reasoning": "reasoning.output_tokens",
        "audio": "audio.input_tokens",
    }
    return {f"gen_ai.usage.{names[name]}": tokens for name, tokens in counts.items()}


def test_cached_and_audio_tokens_are_taken_out_of_the_input() -> None:
    span = read(counted(input=100, read=60, written=10, audio=5, output=20))
    assert buckets(span) == {
        "input": 25,
        "cache_read": 60,
        "cache_write_5m": 10,
        "audio_input": 5,
        "output": 20,
    }


def test_cache_writes_are_told_apart_by_their_lifetime() -> None:
    lifetimes = {
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 4,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 6,
    }
    told = {"input": 90, "cache_write_5m": 4, "cache_write_1h": 6, "output": 20}
    assert buckets(read({**counted(input=100, output=20), **lifetimes})) == told
    assert buckets(read({**counted(input=100, written=10, output=20), **lifetimes})) == told
    spelt = {"gen_ai.usage.cache_write.input_tokens": 10}
    assert buckets(read({**counted(input=100, output=20), **spelt, **lifetimes})) == told
    assert buckets(read({**counted(input=100, output=20), **spelt})) == {
        "input": 90,
        "cache_write_5m": 10,
        "output": 20,
    }


def test_reasoning_is_taken_out_of_the_output() -> None:
    span = read(counted(input=1, output=180, reasoning=50))
    assert buckets(span) == {"input": 1, "output": 130, "reasoning": 50}


def test_a_total_that_says_so_puts_cached_tokens_beside_the_input() -> None:
    span = read(counted(input=100, read=60, output=20, total=180))
    assert buckets(span) == {"input": 100, "cache_read": 60, "output": 20}


def test_a_total_that_says_so_puts_reasoning_beside_the_output() -> None:
    span = read(counted(input=100, read=60, output=20, reasoning=30, total=150))
    assert buckets(span) == {"input": 40, "cache_read": 60, "output": 20, "reasoning": 30}


def test_more_cached_tokens_than_input_are_beside_it_by_estimate() -> None:
    span = read(counted(input=2, read=47105, output=714))
    assert buckets(span) == {"input": 2, "cache_read": 47105, "output": 714, "estimated": True}


def test_a_missing_side_follows_from_the_total() -> None:
    assert buckets(read(counted(output=5, total=12))) == {"input": 7, "output": 5}
    assert buckets(read(counted(input=7, total=12))) == {"input": 7, "output": 5}


def test_a_total_alone_is_an_estimate_of_the_input() -> None:
    assert buckets(read(counted(total=12))) == {"input": 12, "estimated": True}


@pytest.mark.parametrize("count", [-1, -5.0, "-5"])
@pytest.mark.parametrize("side", ["input", "output"])
def test_a_negative_count_makes_the_usage_unknown(side: str, count: Any) -> None:
    counts = {"input": 7, "output": 3, side: count}
    span = read({f"gen_ai.usage.{name}_tokens": tokens for name, tokens in counts.items()})
    assert span.usage is None
    details = {"gen_ai.usage.reasoning_tokens": count}
    span = read({"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3, **details})
    assert buckets(span) == {"input": 7, "output": 3}


def test_a_negative_side_follows_from_the_total() -> None:
    assert buckets(read(counted(input=-1, output=5, total=12))) == {"input": 7, "output": 5}
    assert read(counted(input=-1, total=12)).usage is None


@pytest.mark.parametrize("count", [2.5, 10**10, "1.5", True, None, [1]])
def test_a_count_that_cannot_be_true_is_no_count(count: Any) -> None:
    span = read({"gen_ai.usage.input_tokens": count, "gen_ai.usage.output_tokens": 3})
    assert buckets(span) == {"output": 3, "estimated": True}


@pytest.mark.parametrize("kind", ["agent", "chain"])
def test_the_sum_over_the_calls_below_is_not_counted_again(kind: str) -> None:
    carried = {"openinference.span.kind": kind.upper(), "llm.token_count.prompt": 10}
    assert read({**carried, "llm.cost.total": 0.1}, kind=1).usage is None
    assert read({**carried, "llm.cost.total": 0.1}, kind=1).cost_usd is None


def test_an_agent_behind_a_network_has_usage_of_its_own() -> None:
    carried = {"gen_ai.operation.name": "invoke_agent", **counted(input=10, output=1)}
    assert buckets(read(carried, kind=3)) == {"input": 10, "output": 1}
    assert read(carried, kind=1).usage is None


def test_a_given_cost_is_exact_and_marked_as_given() -> None:
    span = read({"gen_ai.usage.cost": 0.1})
    assert (span.cost_usd, span.cost_source) == (Decimal("0.1"), "given")


def test_a_cost_of_nothing_is_a_cost() -> None:
    span = read({"gen_ai.usage.cost": 0})
    assert (span.cost_usd, span.cost_source) == (Decimal(0), "given")


def test_two_halves_make_a_cost_and_one_half_does_not() -> None:
    asked = {"openinference.span.kind": "LLM", "llm.cost.prompt": 0.1}
    assert read({**asked, "llm.cost.completion": 0.2}).cost_usd == Decimal("0.3")
    assert read(asked).cost_usd is None
    assert read({**asked, "openinference.span.kind": "EMBEDDING"}).cost_usd == Decimal("0.1")


@pytest.mark.parametrize("cost", [-1, float("inf"), "dear", True, 10**12, {"total": 1}])
def test_a_cost_that_cannot_be_true_is_no_cost(cost: Any) -> None:
    assert read({"gen_ai.usage.cost": cost}).cost_usd is None


# -- first token -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "after_ns"),
    [
        ("gen_ai.server.time_to_first_token", 0.25, 250_000_000),
        ("gen_ai.response.time_to_first_chunk", 1, 10**9),
        ("ai.response.msToFirstChunk", 120.5, 120_500_000),
        ("ai.stream.msToFirstChunk", "80", 80_000_000),
    ],
)
def test_the_first_token_is_so_long_after_the_start(key: str, value: Any, after_ns: int) -> None:
    assert read({key: value}).first_token_ns == START_NS + after_ns


@pytest.mark.parametrize("value", [-1, float("nan"), 1e300, "soon", True, None])
def test_a_first_token_at_no_possible_time_is_unknown(value: Any) -> None:
    assert read({"gen_ai.server.time_to_first_token": value}).first_token_ns is None


@pytest.mark.parametrize(
    "name",
    ["First Token Stream Event", "ai.stream.firstChunk", "gen_ai.content.completion.chunk"],
)
def test_the_first_of_the_events_of_tokens_is_the_first_token(name: str) -> None:
    told = (event(name, START_NS + 5), event(name, START_NS + 9))
    assert read(events=told).first_token_ns == START_NS + 5
