"""Routes, allowances and approved models in the configuration file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.config import Config, Loaded, dump, load
from trimtab.errors import ConfigError
from trimtab.records import Allowance, ApprovedModel, ModelTarget, Route
from trimtab.records.route import CacheSettings, Retries

TEXT = """
gateway:
  routes:
    - name: chat
      aliases: [talk]
      targets:
        - {model: openai/gpt-4o-mini, weight: 9}
        - {model: openai/gpt-4o}
      fallbacks: [anthropic/claude]
      retries: {attempts: 3}
      cache: {ttl_s: 60}
  allowances:
    - {kind: team, name: support, monthly_usd: 200, daily_usd: 0.10}
    - {kind: key, name: "*", requests_per_minute: 60}
  approved_models:
    - {model: openai/*, suitable: support, expires: 2027-01-31}
"""


def read(tmp_path: Path, text: str) -> Loaded:
    (tmp_path / "trimtab.yaml").write_text(text)
    return load(env={}, cwd=tmp_path)


def test_the_entries_are_the_records_that_the_gateway_works_with(tmp_path: Path) -> None:
    gateway = read(tmp_path, TEXT).config.gateway
    assert gateway.routes == (
        Route(
            name="chat",
            aliases=("talk",),
            targets=(
                ModelTarget(model="openai/gpt-4o-mini", weight=9.0),
                ModelTarget(model="openai/gpt-4o"),
            ),
            fallbacks=("anthropic/claude",),
            retries=Retries(attempts=3),
            cache=CacheSettings(ttl_s=60.0),
        ),
    )
    assert gateway.allowances == (
        Allowance(kind="team", name="support", monthly_usd=Decimal(200), daily_usd=Decimal("0.10")),
        Allowance(kind="key", name="*", requests_per_minute=60),
    )
    assert gateway.approved_models == (
        ApprovedModel(model="openai/*", suitable="support", expires="2027-01-31"),
    )


def test_what_is_shown_loads_to_the_same(tmp_path: Path) -> None:
    loaded = read(tmp_path, TEXT)
    assert read(tmp_path, dump(loaded.config)).config == loaded.config
    shown = dump(loaded.config, loaded.origins)
    assert "attempts: 3" in shown
    assert loaded.origins["gateway.routes[0].retries.attempts"] == "trimtab.yaml:10"
    assert loaded.origins["gateway.routes[0].retries.base_s"] == "default"
    assert Config().gateway.routes == ()


@pytest.mark.parametrize(
    ("entry", "key", "said"),
    [
        ("routes: [{nmae: chat}]", "gateway.routes[0]", "did you mean `name`"),
        ("routes: [{name: a/b}]", "gateway.routes[0]", "without / and @"),
        ("routes: [{name: a, aliases: [a]}]", "gateway.routes[0]", "alias twice"),
        ("routes: [{name: a, fallbacks: [a]}]", "gateway.routes[0]", "`fallbacks`"),
        ("routes: [{name: a}, {name: b, aliases: [a]}]", "gateway.routes", "[0] and [1]"),
        ("routes: [{name: a, targets: [{model: m, weight: 0}]}]", "gateway.routes[0]", "above 0"),
        ("routes: [{name: a, targets: [{model: m, weight: -1}]}]", "gateway.routes[0]", "negative"),
        ("routes: [{name: a, targets: [{model: m, weight: .nan}]}]", "gateway.routes[0]", "weight"),
        ("routes: [{name: a, targets: [m/x]}]", "gateway.routes[0].targets[0]", "single value"),
        ("routes: [{name: a, split: [{version: 1, weight: 0}]}]", "gateway.routes[0]", "`split`"),
        (
            "routes: [{name: a, retries: {attempts: 11}}]",
            "gateway.routes[0].retries.attempts",
            "10",
        ),
        ("routes: [{name: a, choose: best}]", "gateway.routes[0].choose", "one of cost, latency"),
        ("allowances: [{kind: team}]", "gateway.allowances[0].name", "is missing"),
        ("allowances: [{kind: tem, name: a}]", "gateway.allowances[0].kind", "did you mean `team`"),
        ("allowances: [{kind: user, name: a, daily_usd: -1}]", "gateway.allowances[0]", "billion"),
        ("allowances: [{kind: user, name: a, daily_usd: .inf}]", "gateway.allowances[0]", "billi"),
        ("allowances: [{kind: user, name: a, soft: 0}]", "gateway.allowances[0].soft", "above 0"),
        ("allowances: [{kind: project, name: a}]", "gateway.allowances[0]", "'default'"),
        (
            "allowances: [{kind: user, name: a}, {kind: team, name: a}, {kind: user, name: a}]",
            "gateway.allowances",
            "[0] and [2]",
        ),
        ("approved_models: [{model: ''}]", "gateway.approved_models[0]", "empty"),
        (
            "approved_models: [{model: m, expires: 20270131}]",
            "gateway.approved_models[0].expires",
            "text",
        ),
        ("approved_models: [{model: m, expires: '20270131'}]", "gateway.approved_models[0]", "day"),
        ("approved_models: [{model: m}, {model: m}]", "gateway.approved_models", "[0] and [1]"),
    ],
)
def test_a_mistake_is_reported_at_its_key(tmp_path: Path, entry: str, key: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"gateway:\n  {entry}\n")
    problems = caught.value.fields["problems"]
    assert problems[0]["key"].startswith(key)
    assert problems[0]["line"] == 2
    assert said in str(caught.value)


def test_names_are_separate_within_a_project_only(tmp_path: Path) -> None:
    text = "gateway: {routes: [{name: a}, {name: a, project: other, aliases: [b]}, {name: b}]}"
    assert len(read(tmp_path, text).config.gateway.routes) == 3


def test_the_entries_can_be_given_by_a_variable_as_json(tmp_path: Path) -> None:
    given = {"TRIMTAB_GATEWAY__ALLOWANCES": '[{"kind": "user", "name": "a", "daily_usd": "1.50"}]'}
    found = load(env=given, cwd=tmp_path).config.gateway.allowances
    assert found == (Allowance(kind="user", name="a", daily_usd=Decimal("1.50")),)
