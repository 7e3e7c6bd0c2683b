"""`trimtab eval` and `compare`: the verdict is the exit code, the evidence is the output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.api.conftest import BUNDLE, publish
from tests.serving import Served, configured, served

from trimtab.cli.compare import parse_rule
from trimtab.cli.shell import root
from trimtab.errors import InvalidRequest
from trimtab.records import Run

pytestmark = pytest.mark.slow


ROWS = [
    {
        "example_id": f"r{n}",
        "input": f"Which port does the widget server listen on? ({n})",
        "expected": "port 7711",
        "split": "small" if n < 3 else "large",
    }
    for n in range(30)
]
GATE = ("--gate-on", "answer_correct:0.15")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 answers, release 2 answers in the same way, release 3 never answers."""
    with served(configured(tmp_path_factory.mktemp("eval") / "data")) as server:
        publish(server)
        for parameters in ({"abstain_below": 0.01}, {"abstain_below": 1.0}):
            server.client.post("/api/v1/releases", BUNDLE | {"parameters": parameters})
        server.client.post("/api/v1/datasets", {"name": "rows", "examples": ROWS})
        yield server


def trimtab(server: Served, *args: str) -> Result:
    return CliRunner().invoke(root, [*args, "--url", server.url])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Suites, journals and kept replies of a test are in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def on_rows(release: str, *args: str) -> tuple[str, ...]:
    return ("eval", "--release", release, "--dataset", "rows", *args)


def runs_of(result: Result) -> list[Run]:
    found = msgspec.json.decode(result.stdout, type=dict[str, Any])
    assert found["exit_code"] == result.exit_code
    return msgspec.convert(found["runs"], list[Run])


@pytest.mark.parametrize(
    ("release", "baseline", "code", "outcome"),
    [
        ("widgets@2", "widgets@1", 0, "pass"),
        ("widgets@1", "widgets@3", 0, "pass"),
        ("widgets@3", "widgets@1", 1, "fail"),
    ],
)
def test_the_verdict_is_the_exit_code(
    shop: Served, release: str, baseline: str, code: int, outcome: str
) -> None:
    result = trimtab(shop, *on_rows(release, "--baseline", baseline, *GATE, "--json"))
    assert result.exit_code == code, result.output
    [run] = runs_of(result)
    assert run.verdict is not None
    assert run.verdict.outcome == outcome
    gating = [c.metric for c in run.verdict.comparisons if c.outcome is not None]
    assert gating == ["answer_correct"]
    assert shop.client.get(f"/api/v1/runs/{run.run_id}")["verdict"]["outcome"] == outcome


def test_a_run_made_to_compare_with_is_not_what_names_and_last_mean(shop: Served) -> None:
    args = on_rows("widgets@2", "--baseline", "widgets@3", "--seed", "7", *GATE, "--json")
    [run] = runs_of(trimtab(shop, *args))
    assert run.verdict is not None
    base = shop.client.get(f"/api/v1/runs/{run.verdict.baseline_run}")
    assert (base["name"], base["role"], run.role) == ("widgets@3", "baseline", "candidate")
    assert run.verdict.outcome == "pass", run.verdict.reasons
    for name in ("last", run.name):
        found = trimtab(shop, "compare", run.verdict.baseline_run or "", name, *GATE, "--json")
        assert json.loads(found.stdout)["run_id"] == run.run_id
    again = trimtab(shop, *on_rows("widgets@2", "--baseline", "last", "--seed", "7", "--json"))
    [second] = runs_of(again)
    assert second.verdict is not None
    assert second.verdict.baseline_run == run.run_id


def test_too_few_examples_are_inconclusive_and_exit_with_3(shop: Served) -> None:
    args = on_rows("widgets@2", "--baseline", "widgets@1", "--split", "small", *GATE)
    result = trimtab(shop, *args)
    assert result.exit_code == 3
    assert "inconclusive" in result.stdout


def test_the_output_has_every_number_with_its_interval_and_coverage(shop: Served) -> None:
    result = trimtab(shop, *on_rows("widgets@2", "--baseline", "widgets@1"))
    header, *_ = [line for line in result.stdout.splitlines() if line.startswith("metric")]
    assert header.split() == ["metric", "value", "[95", "%]", "scored", "method"]
    assert "30/30" in result.stdout
    assert "detectable" in result.stdout


def test_what_was_retrieved_is_there_to_be_judged(shop: Served) -> None:
    args = on_rows("widgets@1", "--scorer", "groundedness", "--json")
    [run] = runs_of(trimtab(shop, *args))
    assert run.metrics["groundedness"].n == 30
    [first, *_] = shop.client.results(run.run_id)
    assert first["passages"][0]["source"]
    assert float(first["cost_usd"]) == 0
    trace = shop.client.trace(first["trace_id"])
    assert {span["run"] for span in trace["spans"]} == {run.run_id}


def test_compare_judges_the_same_and_by_other_rules(shop: Served) -> None:
    ids = {}
    for release in ("widgets@1", "widgets@3"):
        [run] = runs_of(trimtab(shop, *on_rows(release, "--json")))
        ids[release] = run.run_id
    worse = trimtab(shop, "compare", ids["widgets@1"], ids["widgets@3"], "--store")
    better = trimtab(shop, "compare", ids["widgets@3"], ids["widgets@1"], *GATE)
    assert (worse.exit_code, better.exit_code) == (1, 0)
    shown = trimtab(shop, "runs", "show", ids["widgets@3"], "--json")
    assert json.loads(shown.stdout)["verdict"]["baseline_run"] == ids["widgets@1"]


def test_a_provider_that_is_down_is_exit_code_4(tmp_path: Path) -> None:
    text = "providers: [{name: far, kind: openai_compatible, base_url: 'http://127.0.0.1:1/v1'}]"
    with served(configured(tmp_path / "data", text)) as server:
        release = {"route": "far", "targets": [{"model": "far/x"}]}
        server.client.post("/api/v1/releases", release)
        server.client.post("/api/v1/datasets", {"name": "rows", "examples": ROWS[:5]})
        result = trimtab(server, *on_rows("far@1", *GATE))
    assert result.exit_code == 4
    assert "every call failed" in result.stderr


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("cost", {"metric": "cost", "margin": 0.0, "must_improve": False}),
        ("cost:0.5", {"metric": "cost", "margin": 0.5, "must_improve": False}),
        (
            "style.short:0.02:improve",
            {"metric": "style.short", "margin": 0.02, "must_improve": True},
        ),
        ("cost::improve", {"metric": "cost", "margin": 0.0, "must_improve": True}),
    ],
)
def test_rules_are_read_as_they_are_written(text: str, rule: dict[str, Any]) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    "text", ["", ":1", "cost:x", "cost:-1", "cost:nan", "cost:inf", "cost:1:worse", "a:1:improve:b"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="not a rule"):
        parse_rule(text)
