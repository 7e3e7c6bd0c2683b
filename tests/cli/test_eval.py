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
GATE = ("--gate", "--gate-on", "answer_correct:0.15")


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
    result = trimtab(shop, "eval", release, "rows", "--baseline", baseline, *GATE, "--json")
    assert result.exit_code == code, result.output
    run = msgspec.json.decode(result.stdout, type=Run)
    assert run.verdict is not None
    assert run.verdict.outcome == outcome
    gating = [c.metric for c in run.verdict.comparisons if c.outcome is not None]
    assert gating == ["answer_correct"]


def test_too_few_examples_are_inconclusive_and_exit_with_3(shop: Served) -> None:
    args = ("eval", "widgets@2", "rows", "--baseline", "widgets@1", "--split", "small", *GATE)
    result = trimtab(shop, *args)
    assert result.exit_code == 3
    assert "inconclusive" in result.stdout


def test_without_gate_the_verdict_is_printed_and_the_exit_code_is_0(shop: Served) -> None:
    result = trimtab(shop, "eval", "widgets@3", "rows", "--baseline", "widgets@1", GATE[1], GATE[2])
    assert result.exit_code == 0
    assert "fail" in result.stdout
    assert "answer_correct: 0.00 against 1.00" in result.stdout


def test_the_output_has_every_number_with_its_interval_and_coverage(shop: Served) -> None:
    result = trimtab(shop, "eval", "widgets@2", "rows", "--baseline", "widgets@1", "--gate")
    header, *_ = [line for line in result.stdout.splitlines() if line.startswith("metric")]
    assert header.split() == ["metric", "value", "[95", "%]", "scored", "method"]
    assert "30/30" in result.stdout
    assert "detectable" in result.stdout


def test_compare_judges_the_same_and_by_other_rules(shop: Served) -> None:
    ids = {}
    for release in ("widgets@1", "widgets@3"):
        result = trimtab(shop, "eval", release, "rows", "--json")
        ids[release] = json.loads(result.stdout)["run_id"]
    worse = trimtab(shop, "compare", ids["widgets@1"], ids["widgets@3"])
    better = trimtab(shop, "compare", ids["widgets@3"], ids["widgets@1"], *GATE[1:])
    assert (worse.exit_code, better.exit_code) == (1, 0)
    lenient = ("--gate-on", "cost:1", "--json")
    judged = trimtab(shop, "compare", ids["widgets@1"], ids["widgets@3"], *lenient)
    assert judged.exit_code == 0
    verdict: dict[str, Any] = json.loads(judged.stdout)["verdict"]
    assert (verdict["outcome"], verdict["baseline_run"]) == ("pass", ids["widgets@1"])
    shown = trimtab(shop, "runs", "show", ids["widgets@3"], "--json")
    assert json.loads(shown.stdout)["verdict"] == verdict


def test_a_run_that_did_not_finish_is_exit_code_4_and_has_no_verdict(
    shop: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(shop.app.experiments, "execute", broken)
    result = trimtab(shop, "eval", "widgets@1", "rows", "--baseline", "widgets@2", *GATE)
    assert result.exit_code == 4
    assert "is failed" in result.stderr
    assert result.stdout == ""


def test_a_provider_that_is_down_is_exit_code_4(tmp_path: Path) -> None:
    text = "providers: [{name: far, kind: openai_compatible, base_url: 'http://127.0.0.1:1/v1'}]"
    with served(configured(tmp_path / "data", text)) as server:
        for parameters in ({}, {"temperature": 0.5}):
            release = {"route": "far", "targets": [{"model": "far/x"}], "parameters": parameters}
            server.client.post("/api/v1/releases", release)
        server.client.post("/api/v1/datasets", {"name": "rows", "examples": ROWS[:5]})
        result = trimtab(server, "eval", "far@2", "rows", "--baseline", "far@1", *GATE)
    assert result.exit_code == 4
    assert "127.0.0.1:1" in result.stderr


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
