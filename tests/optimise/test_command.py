"""`trimtab optimize` against a whole server: dollars, versions, files, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.optimise.simulator import MODEL, PROMPT, REFLECTOR, Simulator, rows, simulated
from tests.serving import Served, configured, served
from tests.upstream import Answer, Request, error_json, respond

from trimtab.cli.shell import root

pytestmark = pytest.mark.slow

PRICE = {"input": 1, "output": 4}


class Shop:
    """A server with the prompt and the rows, in front of the simulator."""

    def __init__(self, server: Served, simulator: Simulator, data: Path) -> None:
        self.server = server
        self.simulator = simulator
        self.data = data

    def optimise(self, *args: str, word: str = "optimize", dataset: str = "mail") -> Result:
        return CliRunner().invoke(
            root,
            [
                *(word, "sorter", "--dataset", dataset, "--model", f"far/{MODEL}"),
                *("--reflect-model", f"far/{REFLECTOR}", "--url", self.server.url),
                *("--data", str(self.data), *args),
            ],
        )

    def failing(self, times: int) -> set[str]:
        """Have that many requests fail once each; those that did."""
        failed = set[str]()

        def fail_once(request: Request) -> Answer | None:
            key = request.body.decode()
            if len(failed) < times and key not in failed:
                failed.add(key)
                return error_json(500, "not now")
            return None

        self.simulator.before = fail_once
        return failed

    @property
    def usd(self) -> Decimal:
        """What the calls cost that were made, counted where they arrived."""
        total = Decimal(0)
        for body in self.simulator.bodies:
            told = sum(len(str(one["content"])) for one in body["messages"]) // 4
            total += Decimal(told * PRICE["input"]) / 1_000_000
        return total


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    simulator = Simulator()
    with simulated(simulator) as far:
        text = f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {far.base_url}
    models:
      - id: {MODEL}
        price: {json.dumps(PRICE)}
      - id: {REFLECTOR}
        price: {json.dumps(PRICE)}
      - id: unpriced
gateway:
  defaults:
    retries: {{base_s: 0.01}}
"""
        with served(configured(tmp_path / "data", text)) as server:
            server.client.post("/api/v1/prompts", {"name": "sorter", "messages": PROMPT})
            server.client.post("/api/v1/datasets", {"name": "mail", "examples": rows(2)})
            yield Shop(server, simulator, tmp_path / "own")


def found_in(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["exit_code"] == result.exit_code, result.output
    return found


def test_a_winner_is_the_next_version_and_a_second_time_costs_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    report = tmp_path / "report.md"
    page = tmp_path / "report.html"
    flags = ("--metric", "exact", "--calls", "900", "--report", str(report), "--report", str(page))
    result = shop.optimise(*flags, "--json")
    found = found_in(result)
    assert result.exit_code == 0
    assert found["stored"] == "sorter@2"
    assert shop.simulator.calls <= 900
    stored = shop.server.client.get("/api/v1/prompts/sorter")
    assert stored["version"] == 2
    assert stored["messages"][0]["content"] == found["content"]["messages"][0]["content"]
    assert found["job"] in stored["note"]
    assert "What was tried" in report.read_text()
    assert "<h2>What was tried</h2>" in page.read_text()
    made = shop.simulator.calls
    again = shop.optimise(*flags, "--json", word="optimise")
    assert found_in(again) == found
    assert shop.simulator.calls == made
    assert shop.server.client.get("/api/v1/prompts/sorter")["version"] == 2


@pytest.mark.parametrize("usd", ["0.055", "0.08", "0.3"])
def test_dollars_are_never_overspent(shop: Shop, usd: str) -> None:
    flags = ("--metric", "exact", "--budget-usd", usd, "--max-tokens", "10", "--json")
    result = shop.optimise(*flags)
    assert result.exit_code in (0, 3), result.output
    assert shop.simulator.calls > 0
    assert shop.usd <= Decimal(found_in(result)["taken"]["usd"]) <= Decimal(usd)
    assert all(body.get("max_tokens") == 10 for body in shop.simulator.bodies)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--metric", "exact", "--budget-usd", "1", "--model", "far/unpriced"), "has no price"),
        (("--metric", "exact", "--budget-usd", "0.001"), "are too few"),
        (("--metric", "exact"), "needs a limit"),
        (("--metric", "exact", "--calls", "20"), "are too few"),
        (("--metric", "exactly", "--calls", "900"), "exactly"),
        (("--metric", "exact", "--metric", "latency", "--calls", "900"), "latency:LOSS"),
        (("--metric", "exact", "--calls", "900", "--split", "train=a"), "does not name"),
    ],
)
def test_what_cannot_work_is_refused_before_a_call(
    shop: Shop, args: tuple[str, ...], words: str
) -> None:
    result = shop.optimise(*args)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert shop.simulator.calls == 0


def test_no_call_is_made_beyond_the_cap_where_calls_fail(shop: Shop) -> None:
    failed = shop.failing(40)
    result = shop.optimise("--metric", "exact", "--calls", "420", "--algo", "demos", "--json")
    assert result.exit_code in (0, 3), result.output
    assert len(failed) == 40
    assert found_in(result)["taken"]["calls"] == shop.simulator.calls <= 420
    assert shop.simulator.repeated == 40, "what failed is asked again, once"


def test_a_winner_can_be_a_file(shop: Shop, tmp_path: Path) -> None:
    output = tmp_path / "sorter.yaml"
    flags = ("--metric", "exact", "--calls", "900", "--algo", "demos", "--output", str(output))
    result = shop.optimise(*flags)
    assert result.exit_code == 0, result.output
    document = yaml.safe_load(output.read_text())
    assert document["name"] == "sorter"
    assert document["shots"]["examples"]
    assert shop.server.client.get("/api/v1/prompts/sorter")["version"] == 1
    assert "proved better" in result.stdout


def test_the_version_with_examples_answers_at_the_gateway(shop: Shop) -> None:
    result = shop.optimise("--metric", "exact", "--calls", "900", "--algo", "demos", "--json")
    assert found_in(result)["stored"] == "sorter@2"
    question = "My parcel with the vase has not arrived. Yours, Gus"
    body = {
        "model": "sorter",
        "messages": [{"role": "user", "content": question}],
        "trimtab": {"model": f"far/{MODEL}", "variables": {"shop": "Acme"}},
    }
    shop.simulator.before = lambda _: respond(200, b'{"choices": []}')
    shop.server.ask("POST", "/v1/chat/completions", body)
    told = shop.simulator.bodies[-1]["messages"]
    assert told[-1]["content"] == question
    shown = [one["content"] for one in told if one["role"] == "assistant"]
    assert len(shown) == 8
    assert shown.count("delivery") > 4, "the examples are those most like the question"


def test_a_dry_run_asks_nobody(shop: Shop) -> None:
    result = shop.optimise("--metric", "exact", "--budget-usd", "1", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "for the test split" in result.stdout
    assert "detectable" in result.stdout
    assert shop.simulator.calls == 0


def test_a_wrong_prompt_or_dataset_is_named(shop: Shop) -> None:
    result = shop.optimise("--metric", "exact", "--calls", "900", dataset="males")
    assert result.exit_code == 2
    assert "males" in result.output


def test_an_interrupted_job_carries_on(shop: Shop) -> None:
    """Ctrl-C in the middle: nothing that was answered is asked again."""
    words = [
        *("optimize", "sorter", "--dataset", "mail", "--metric", "exact", "--calls", "900"),
        *("--model", f"far/{MODEL}", "--reflect-model", f"far/{REFLECTOR}"),
        *("--url", shop.server.url, "--data", str(shop.data), "--concurrency", "4"),
    ]
    process: list[subprocess.Popen[bytes]] = []

    def interrupt(_: Request) -> Answer | None:
        if len(shop.simulator.bodies) == 120 and process:
            process[0].send_signal(signal.SIGINT)
        return None

    shop.simulator.before = interrupt
    process.append(subprocess.Popen([sys.executable, "-m", "trimtab", *words]))
    assert process[0].wait(60) == 130
    assert 119 <= shop.simulator.calls < 200
    refused = CliRunner().invoke(root, words)
    assert refused.exit_code == 2
    assert "--resume" in refused.output
    result = CliRunner().invoke(root, [*words, "--resume", "--json"])
    assert found_in(result)["promoted"]
    assert shop.simulator.repeated <= 4
    assert shop.simulator.calls <= 900
