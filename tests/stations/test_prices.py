"""Prices: names brought to one form, dated lookups, invoices worked by hand, the table itself."""

from __future__ import annotations

import timeit
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trimtab.errors import ConfigError
from trimtab.models import (
    Cost,
    DatedPrice,
    Override,
    PricedModel,
    Prices,
    price_call,
    read_name,
    shipped_table,
)
from trimtab.records import Price, TieredPrice, Usage, cost_usd

SHIPPED = Prices.shipped()
TABLE = shipped_table()
BUCKETS = Price.__struct_fields__
NS = 1_000_000_000
MAKERS = ("openai", "anthropic", "google", "mistral", "cohere", "xai", "voyage", "meta", "moonshot")


def at(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * NS


NOW = at("2026-11-21")
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile"


def usd(amount: str) -> Decimal:
    return Decimal(amount)


def table_price(model: str, provider: str, day: str) -> Price | None:
    """What `prices.json` says, read without any of the code under test but its structs."""
    (found,) = [m for m in TABLE.models if m.provider == provider and m.id == model]
    valid = [entry for entry in found.prices if entry.since <= date.fromisoformat(day)]
    return valid[-1].price if valid else None


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "provider", "id", "of"),
    [
        ("gpt-4o-2024-08-06", "openai", "gpt-4o-2024-08-06", "openai"),
        ("gpt-4o-2024-08-06", None, "gpt-4o-2024-08-06", "openai"),
        ("GPT-4o-Mini-2024-07-18", "OpenAI", "gpt-4o-mini", "openai"),
        ("openai/gpt-4.1", None, "gpt-4.1", "openai"),
        ("gpt-4.1", "openai.responses", "gpt-4.1", "openai"),
        ("gpt-5.5-2026-06-30", "openai", "gpt-5.5", "openai"),
        ("models/gemini-2.5-pro", "gcp.gemini", "gemini-2.5-pro", "google"),
        ("gemini/gemini-2.5-pro", None, "gemini-2.5-pro", "google"),
        ("gemini-2.5-flash", "gcp.vertex_ai", "gemini-2.5-flash", "google"),
        ("publishers/google/models/gemini-2.5-pro", None, "gemini-2.5-pro", "google"),
        ("anthropic/claude-sonnet-4-5-20250929", None, "claude-sonnet-4-5", "anthropic"),
        ("claude-opus-4-1-latest", "anthropic", "claude-opus-4-1", "anthropic"),
        ("openrouter/anthropic/claude-sonnet-4.5", None, "claude-sonnet-4-5", "anthropic"),
        ("x-ai/grok-4.6", "openrouter", "grok-4.6", "xai"),
        ("openrouter/x-ai/grok-4.6", "openrouter", "grok-4.6", "xai"),
        ("x-ai/grok-4.6", None, "grok-4.6", "xai"),
        ("groq/llama-3.3-70b-versatile", None, "llama-3.3-70b-versatile", "groq"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "together_ai", None, "together"),
        ("openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b", "groq"),
        ("ft:gpt-4o-mini-2024-07-18:acme::A1b2", None, "ft:gpt-4o-mini-2024-07-18", "openai"),
        ("ft:gpt-4o-mini:acme:suffix:A1b2", "openai", "ft:gpt-4o-mini-2024-07-18", "openai"),
    ],
)
def test_a_name_as_it_arrives_finds_its_model(model, provider, id, of):
    expected = table_price(id or model, of, "2026-11-21")
    assert expected is not None
    assert SHIPPED.lookup(model, provider, NOW) == expected


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "aws.bedrock"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic"),
        ("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0", None),
        (f"{ARN}/us.anthropic.claude-sonnet-4-20250514-v1:0", "amazon-bedrock"),
    ],
)
def test_bedrock_names_are_understood_in_all_their_forms(model, provider):
    price = SHIPPED.lookup(model, provider, NOW)
    assert price is not None
    assert (price.input, price.output) == (3, 15)


def test_a_regional_profile_of_bedrock_costs_more_than_the_global_one():
    profile = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    regional = SHIPPED.lookup(f"eu.{profile}", "bedrock", NOW)
    everywhere = SHIPPED.lookup(f"global.{profile}", "bedrock", NOW)
    assert regional is not None
    assert everywhere is not None
    assert (regional.input, everywhere.input) == (usd("3.3"), usd("3"))


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("", None),
        ("no-such-model", "openai"),
        ("gpt-4o-nano", "openai"),
        ("gpt-4", "azure"),
        ("azure/gpt-4o", None),
        ("my-deployment", "azure.ai.openai"),
        ("llama3", "ollama"),
        ("ollama/llama3", None),
        ("meta-llama/Llama-3.3-70B-Instruct", "vllm"),
        ("gpt-4o", "some-proxy"),
        ("gpt-4o:extended", "openai"),
        ("anthropic/claude-sonnet-4.5:free", "openrouter"),
        ("meta-llama/llama-4-scout", "openrouter"),
        ("openrouter/mistralai/mistral-nemo", None),
        ("ft:gpt-4.1:acme::A1", "openai"),
        ("claude-sonnet-4-5@20250929", "vertex_ai"),
        ("gemini-3.6-flash", "vertex_ai"),
        ("llama-3.3-70b-versatile", None),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
        ("mx.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "bedrock"),
        ("rerank-v3.5", "cohere"),
    ],
)
def test_what_is_not_known_is_unpriced_and_never_guessed(model, provider):
    assert SHIPPED.lookup(model, provider, NOW) is None


_PARTS = st.sampled_from(
    [
        *("openai/", "anthropic/", "openrouter/", "azure/", "models/", "groq/", "bedrock/", "/"),
        *("us.", "anthropic.", "claude-3.5", "gpt-4o", "-2024-08-06", "-latest", "-v1", ":0"),
        *("ft:", ":org::id", "publishers/google/models/", "@20250929", "X", " ", "é", "x-ai/"),
        "arn:aws:bedrock:us-east-1:1:inference-profile/",
    ]
)
_WIRE = st.lists(_PARTS, max_size=7).map("".join) | st.text(max_size=30)
_PROVIDER = st.none() | st.sampled_from(
    [*("openai", "aws.bedrock", "openrouter", "gcp.vertex_ai", "groq", "", "Acme", "google")]
)


@settings(max_examples=400)
@given(_WIRE, _PROVIDER)
@example("openai/ openai/", None)
def test_reading_a_name_that_was_read_changes_nothing(model, provider):
    once = read_name(model, provider)
    assert read_name(once.id, once.provider) == once


@settings(max_examples=200)
@given(_WIRE, _PROVIDER, st.integers(-(2**63), 2**63 - 1))
def test_no_name_and_no_time_breaks_a_lookup(model, provider, at_ns):
    price = SHIPPED.lookup(model, provider, at_ns)
    assert price is None or isinstance(price, Price)


@given(
    st.sampled_from([model for model in TABLE.models if model.provider in MAKERS]),
    st.sampled_from(["", "-2026-01-31", "-latest"]),
    st.sampled_from(["", "{}/"]),
)
def test_prefixes_and_endings_never_lead_to_another_model(model, ending, prefix):
    """The price is that of the model, or none; unless the longer name is a model of its own."""
    name = f"{prefix.format(model.provider)}{model.id}{ending}"
    listed = {label for one in TABLE.models for label in (one.id, *one.aliases)}
    if model.id + ending in listed - {model.id}:
        return
    price = SHIPPED.lookup(name, model.provider, NOW)
    assert price in (None, table_price(model.id, model.provider, "2026-11-21"))
    if not ending:
        assert price == table_price(model.id, model.provider, "2026-11-21")


# -- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [model for model in TABLE.models if len(model.prices) > 1], ids=lambda model: model.id
)
def test_a_price_holds_from_the_first_nanosecond_of_its_day(model):
    for before, entry in zip((None, *model.prices), model.prices, strict=False):
        start = at(entry.since.isoformat())
        assert SHIPPED.lookup(model.id, model.provider, start) == entry.price
        earlier = before.price if before else None
        assert SHIPPED.lookup(model.id, model.provider, start - 1) == earlier


def test_a_call_is_priced_as_on_its_day_not_as_today():
    usage = Usage(input=1_000_000, output=1_000_000)
    before = cost_usd(usage, SHIPPED.lookup("o3", "openai", at("2025-06-09")))
    after = cost_usd(usage, SHIPPED.lookup("o3", "openai", at("2025-06-10")))
    assert (before, after) == (usd("50"), usd("10"))


def test_a_price_that_ended_without_a_successor_leaves_the_model_unpriced():
    assert SHIPPED.lookup("deepseek-v4-pro", "deepseek", at("2026-08-15")) is not None
    assert SHIPPED.lookup("deepseek-v4-pro", "deepseek", at("2026-08-16")) is None


_DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(st.lists(_DAYS, min_size=1, max_size=6, unique=True), _DAYS)
def test_the_entry_valid_on_a_day_is_the_last_one_that_began(days, day):
    entries = tuple(
        DatedPrice(since=since, source="https://x.example", read_in=("page",), input=Decimal(n))
        for n, since in enumerate(sorted(days))
    )
    prices = Prices([PricedModel(provider="acme", id="m", prices=entries)])
    begun = [entry for entry in entries if entry.since <= day]
    expected = begun[-1].price if begun else None
    assert prices.lookup("m", "acme", at(day.isoformat())) == expected


# -- invoices worked by hand -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        # 1,000,000 × 2.50 − 600,000 of them cached at 1.25; 100,000 × 10: 1.00 + 0.75 + 1.00
        ("gpt-4o", Usage(input=400_000, cache_read=600_000, output=100_000), "2.75"),
        # Reasoning is billed as output: 75,000 × 1.10 + (80,000 + 20,000) × 4.40
        ("o4-mini", Usage(input=75_000, reasoning=80_000, output=20_000), "0.5225"),
        # Written for 5 minutes 1.25 times the input price, for an hour twice, read a tenth:
        # 50 × 3 + 2,000 × 3.75 + 1,000 × 6 + 100,000 × 0.30 + 500 × 15 = 51,150 millionths
        (
            "claude-sonnet-4-6",
            Usage(
                input=50,
                cache_write_5m=2_000,
                cache_write_1h=1_000,
                cache_read=100_000,
                output=500,
            ),
            "0.05115",
        ),
        # 10,000 × 0.30 + 40,000 of audio × 1.00 + 2,000 × 2.50
        ("gemini-2.5-flash", Usage(input=10_000, audio_input=40_000, output=2_000), "0.048"),
        ("text-embedding-3-small", Usage(input=5_000_000), "0.1"),
    ],
)
def test_an_invoice_worked_by_hand(model, usage, dollars):
    assert cost_usd(usage, SHIPPED.lookup(model, None, NOW)) == usd(dollars)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input=200_000, output=1_000), "0.26"),  # 200,000 × 1.25 + 1,000 × 10
        (Usage(input=200_001, output=1_000), "0.5150025"),  # 200,001 × 2.50 + 1,000 × 15
        # Cached tokens count towards the length: 100,001 × 2.50 + 100,000 × 0.25
        (Usage(input=100_001, cache_read=100_000), "0.2750025"),
    ],
)
def test_a_long_input_changes_the_price_of_every_token_of_the_call(usage, dollars):
    assert cost_usd(usage, SHIPPED.lookup("gemini-2.5-pro", "google", NOW)) == usd(dollars)


def test_a_long_call_that_nobody_publishes_a_price_for_is_unpriced():
    price = SHIPPED.lookup("claude-opus-4-6", "anthropic", at("2026-02-10"))
    assert cost_usd(Usage(input=200_000), price) == 1
    assert cost_usd(Usage(input=200_001), price) is None


def test_a_bucket_without_a_price_leaves_the_call_unpriced():
    assert SHIPPED.lookup("gpt-4o", "openai", NOW) is not None
    assert cost_usd(Usage(audio_input=1), SHIPPED.lookup("gpt-4o", "openai", NOW)) is None


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_tiers_may_be_stacked(tokens, width):
    third = Price(input=Decimal(3))
    second = TieredPrice(input=Decimal(2), above=2 * width, beyond=third)
    first = TieredPrice.of(Price(input=Decimal(1)), above=width, beyond=second)
    rate = 1 if tokens <= width else 2 if tokens <= 2 * width else 3
    assert cost_usd(Usage(input=tokens), first) == Decimal(rate * tokens) / 1_000_000


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_buckets_are_disjoint_so_a_cost_is_the_sum_of_its_parts(read, fresh):
    price = SHIPPED.lookup("gpt-4o", "openai", NOW)
    parts = [cost_usd(Usage(cache_read=read), price), cost_usd(Usage(input=fresh), price)]
    whole = cost_usd(Usage(cache_read=read, input=fresh), price)
    assert whole is not None
    assert abs(whole - sum(part for part in parts if part is not None)) <= usd("0.000000001")


# -- what a call cost, and who says so ---------------------------------------------------------

CALL: dict[str, Any] = {"model": "gpt-4o", "provider": "openai", "at_ns": NOW}
USED = Usage(input=1_000, output=100)


def test_a_cost_that_the_client_gives_wins():
    given_cost = price_call(SHIPPED, **CALL, usage=USED, given_usd=usd("0.5"))
    assert given_cost == Cost(usd("0.5"), "given")
    assert price_call(SHIPPED, **CALL, usage=None, given_usd=usd("0")) == Cost(usd("0"), "given")


@pytest.mark.parametrize("nonsense", ["NaN", "Infinity", "-0.01", "1e12"])
def test_a_cost_that_no_call_can_have_is_as_good_as_none_given(nonsense):
    cost = price_call(SHIPPED, **CALL, usage=USED, given_usd=Decimal(nonsense))
    assert cost == Cost(usd("0.0035"), "table")


def test_without_a_given_cost_the_table_says_it_and_otherwise_nobody():
    assert price_call(SHIPPED, **CALL, usage=USED) == Cost(usd("0.0035"), "table")
    assert price_call(SHIPPED, **CALL, usage=None) == Cost(None, None)
    assert price_call(SHIPPED, **CALL | {"model": None}, usage=USED) == Cost(None, None)
    assert price_call(SHIPPED, **CALL | {"provider": "ollama"}, usage=USED) == Cost(None, None)


# -- overrides ---------------------------------------------------------------------------------

MINE = Price(input=Decimal(7), output=Decimal(9))
FREE = Price(input=Decimal(0), output=Decimal(0))


def test_an_override_wins_over_the_table_for_all_names_of_the_model():
    prices = SHIPPED.with_overrides([Override(model="openai/gpt-4.1", price=MINE)])
    for name in ("gpt-4.1", "gpt-4.1-2025-04-14"):
        assert prices.lookup(name, "openai", NOW) == MINE
    assert prices.lookup("gpt-4.1-mini", "openai", NOW) != MINE
    assert SHIPPED.lookup("gpt-4.1", "openai", NOW) != MINE, "the shipped prices are unchanged"


def test_an_override_leaves_a_version_with_a_price_of_its_own_alone():
    prices = SHIPPED.with_overrides([Override(model="gpt-4o", price=MINE)])
    assert prices.lookup("gpt-4o", "openai", NOW) == MINE
    dated = "gpt-4o-2024-05-13"
    assert prices.lookup(dated, "openai", NOW) == SHIPPED.lookup(dated, "openai", NOW)


def test_before_its_day_an_override_leaves_the_table_in_force():
    day = date(2026, 5, 1)
    prices = SHIPPED.with_overrides([Override(model="gpt-4o", price=MINE, since=day)])
    start = at("2026-05-01")
    assert prices.lookup("gpt-4o", "openai", start) == MINE
    assert prices.lookup("gpt-4o", "openai", start - 1) == SHIPPED.lookup("gpt-4o", None, start)


def test_an_override_names_a_deployment_or_a_model_on_this_machine():
    overrides = [
        Override(model="my-deployment", provider="azure", price=MINE),
        Override(model="llama3", provider="ollama", price=FREE),
    ]
    prices = SHIPPED.with_overrides(overrides)
    assert prices.lookup("my-deployment", "azure.ai.openai", NOW) == MINE
    assert prices.lookup("my-deployment", "openai", NOW) is None
    assert cost_usd(USED, prices.lookup("llama3", "ollama", NOW)) == 0
    assert prices.lookup("ollama/llama3", None, NOW) == FREE
    assert prices.lookup("llama4", "ollama", NOW) is None


def test_without_a_provider_an_override_holds_wherever_the_model_is_served():
    prices = SHIPPED.with_overrides(
        [
            Override(model="gpt-4o", price=MINE),
            Override(model="gpt-4o", provider="azure", price=FREE),
        ]
    )
    assert prices.lookup("gpt-4o", "some-proxy", NOW) == MINE
    assert prices.lookup("gpt-4o", "openai", NOW) == MINE
    assert prices.lookup("gpt-4o", "azure", NOW) == FREE, "the one that names the provider wins"


def test_an_override_can_have_several_dated_prices_and_a_tier():
    tiered = TieredPrice.of(MINE, above=10, beyond=FREE)
    overrides = [
        Override(model="m", price=tiered, since=date(2026, 2, 1)),
        Override(model="m", price=FREE, since=date(2026, 1, 1)),
    ]
    prices = SHIPPED.with_overrides(overrides)
    assert prices.lookup("m", "acme", at("2025-12-31")) is None
    assert prices.lookup("m", "acme", at("2026-01-31")) == FREE
    assert prices.lookup("m", "acme", at("2026-02-01")) == tiered
    assert cost_usd(Usage(input=11), tiered) == 0


def test_two_overrides_from_the_same_day_are_refused():
    twice = [Override(model="gpt-4o", price=MINE), Override(model="GPT-4o", price=FREE)]
    with pytest.raises(ConfigError) as caught:
        SHIPPED.with_overrides(twice)
    assert "begin on the same day" in str(caught.value)


def test_new_overrides_replace_the_old_ones():
    first = SHIPPED.with_overrides([Override(model="m", price=MINE)])
    assert first.with_overrides([]).lookup("m", None, NOW) is None


# -- the table ---------------------------------------------------------------------------------


def test_the_table_holds_the_models_of_the_main_providers():
    providers = {model.provider for model in TABLE.models}
    assert {*MAKERS, "bedrock", "groq", "together", "deepseek"} == providers
    assert len(TABLE.models) >= 80


def test_every_price_has_a_source_and_says_where_it_was_read():
    for model in TABLE.models:
        for entry in model.prices:
            assert entry.source.startswith("https://"), model.id
            assert entry.read_in, model.id
        current = [entry for entry in model.prices if entry.since <= TABLE.checked][-1]
        if current.unpriced is None:
            assert len(set(current.read_in)) >= 2, f"{model.id} was read in one place only"


def test_the_days_of_a_model_ascend():
    for model in TABLE.models:
        days = [entry.since for entry in model.prices]
        assert days == sorted(set(days)), model.id
        assert days[0] <= TABLE.checked, model.id


def test_no_rate_of_the_table_is_negative_free_or_absurd():
    for model in TABLE.models:
        for entry in model.prices:
            for rates in (entry, entry.above):
                given = [getattr(rates, bucket, None) for bucket in BUCKETS]
                assert all(0 < rate <= 1000 for rate in given if rate is not None), model.id
            assert (entry.price is None) == (entry.unpriced is not None)
            assert entry.unpriced or entry.input is not None, model.id


def test_reading_from_a_cache_is_never_dearer_than_reading_afresh():
    for model in TABLE.models:
        for entry in model.prices:
            if entry.cache_read is not None:
                assert entry.input is not None
                assert entry.cache_read < entry.input, model.id


def test_a_name_belongs_to_one_model():
    seen: dict[object, str] = {}
    for model in TABLE.models:
        for provider in (model.provider, *model.hosts):
            for label in {model.id, *model.aliases}:
                name = read_name(label, provider)
                assert seen.setdefault(name, model.id) == model.id, name


def test_every_name_of_the_table_finds_its_own_price():
    for model in TABLE.models:
        expected = table_price(model.id, model.provider, TABLE.checked.isoformat())
        for label in (model.id, *model.aliases):
            assert SHIPPED.lookup(label, model.provider, NOW) == expected, label


# -- cost of a lookup --------------------------------------------------------------------------


def test_a_warm_lookup_costs_less_than_a_microsecond():
    prices, many = Prices.shipped(), 50_000
    runs = timeit.repeat(lambda: prices.lookup("gpt-5.6-sol", "openai", NOW), number=many, repeat=7)
    assert min(runs) / many < 1e-6


def test_names_from_outside_do_not_fill_the_memory():
    prices = Prices.shipped()
    for number in range(25_000):
        prices.lookup(f"made-up-{number}", None, NOW)
    assert len(prices._seen) <= 10_000
    assert prices.lookup("gpt-4o", "openai", NOW) is not None
