"""The pytest plugin, in pytests of their own: alone, under xdist, and inside event loops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Served, configured, served

from trimtab.experiments import journal

pytestmark = pytest.mark.slow

INSTALLED = bool(entry_points(group="pytest11", name="trimtab"))
ROWS = [{"example_id": f"r{n}", "input": f"2 + {n}", "expected": str(2 + n)} for n in range(6)]
SUITE = """
import asyncio
import pytest
from trimtab.pytest_plugin import assert_score

@pytest.mark.dataset("golden.jsonl")
def test_sums(example):
    answer = str(sum(map(int, example.input.split(" + ")))) if example.example_id != "r3" else "?"
    assert_score("exact", output=answer, example=example)

def test_words():
    assert_score("token_f1", output="the port is 7711", expected="port 7711", at_least=0.5)

def polite(output: str) -> bool:
    return "please" in output

def test_in_a_loop():
    async def work():
        assert_score(polite, output="please do")
        await assert_score("exact", output="a", expected="a")
    asyncio.run(work())
"""


def run(folder: Path, text: str, *args: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """What pytest says of a file of tests, in a process of its own."""
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "test_answers.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    plugin = () if INSTALLED else ("-p", "trimtab.pytest_plugin")
    command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "-ra", *args]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TRIMTAB"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean | (env or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def kept(folder: Path) -> list[journal.Contents]:
    runs = folder / ".trimtab" / "evals" / "runs"
    return [journal.read(path) for path in sorted(runs.glob("*.journal"))]


def test_all_scores_of_a_session_are_one_run_that_can_be_compared(tmp_path: Path) -> None:
    code, said = run(tmp_path, SUITE)
    assert code == 1, said
    assert "1 failed, 7 passed" in said
    assert "exact did not pass" in said
    assert "expected: 5" in said
    assert "pytest_plugin.py" not in said.partition("short test summary")[0]
    assert said.count("scores of 8 tests are run") == 1
    _, said = run(
        tmp_path, SUITE, "-n", "2", "--trimtab-report", "report.xml", "--trimtab-report", "r.md"
    )
    assert "1 failed, 7 passed" in said
    assert f"report in {tmp_path / 'report.xml'}" in said
    assert f"report in {tmp_path / 'r.md'}" in said
    assert "test_sums[r3]" in (tmp_path / "report.xml").read_text()
    assert said.count("scores of 8 tests are run") == 1
    first, second = kept(tmp_path)
    for contents in (first, second):
        assert contents.run.status == "done"
        assert contents.run.metrics["exact"].n == 7
        assert contents.run.metrics["exact"].value == pytest.approx(6 / 7)
        assert {scorer.name for scorer in contents.run.scorers} == {"exact", "token_f1", "polite"}
        assert "test_answers.py::test_sums[r3]" in {key for key, _ in contents.results}
    assert first.run.dataset_digest == second.run.dataset_digest


SEVERAL = """
import pytest
from trimtab.pytest_plugin import assert_score

def short(output: str) -> bool:
    return len(output) < 4

def test_a_loop():
    for n in range(3):
        assert_score("exact", input=str(n), output=str(n), expected=str(n))
        assert_score(short, input=str(n), output=str(n), expected=str(n))

def test_without_rows():
    for answer in ("a", "b", "a"):
        assert_score(short, output=answer)

def test_named():
    for name, answer in (("first", "x"), ("second", "y")):
        assert_score("exact", output=answer, expected=answer, name=name)

def test_repeated():
    for n, answer in enumerate(("x", "x", "xyz")):
        assert_score("exact", output="x", expected="x", repeat=n)
        assert_score(short, output="x", expected="x", repeat=n)

def test_a_repeat_from_0():
    with pytest.raises(ValueError, match="numbered from 0"):
        assert_score(short, output="x", repeat=-1)
"""


def test_answers_of_a_test_are_cases_and_repeats_only_where_declared(tmp_path: Path) -> None:
    code, said = run(tmp_path, SEVERAL)
    assert code == 0, said
    (contents,) = kept(tmp_path)
    cases = [key.removeprefix("test_answers.py::") for key, _ in contents.results]
    assert sorted(set(cases)) == [
        *("test_a_loop", "test_a_loop #2", "test_a_loop #3"),
        *("test_named (first)", "test_named (second)", "test_repeated"),
        *("test_without_rows", "test_without_rows #2", "test_without_rows #3"),
    ]
    assert (cases.count("test_repeated"), len(cases)) == (3, 11)
    exact, short = (contents.run.metrics[name] for name in ("exact", "short"))
    assert (exact.n, short.n, contents.run.repeats) == (6, 7, 3)
    ids = [score.score_id for result in contents.results.values() for score in result.scores]
    assert len(set(ids)) == len(ids)


LOST = """
import asyncio
from trimtab.pytest_plugin import assert_score

async def slow(output: str) -> bool:
    await asyncio.sleep(0)
    return True

def test_a_judge_that_is_not_awaited():
    async def work():
        assert_score(slow, output="x")
    asyncio.run(work())

def test_a_scorer_that_cannot_judge():
    assert_score("exact", output="x")

def test_a_number_without_a_limit():
    assert_score("token_f1", output="x", expected="x")

def test_a_number_below_its_limit():
    assert_score("token_f1", output="x y", expected="x", at_least=0.9)

def test_a_number_above_its_limit():
    assert_score("latency", output="x", latency_ms=900.0, at_most=500)

def test_a_judge_without_a_server():
    assert_score("faithfulness", output="x", context=["y"], at_least=1, judge="openai/gpt")

def test_an_unknown_scorer():
    assert_score("exakt", output="x")
"""


def test_nothing_is_passed_over_in_silence(tmp_path: Path) -> None:
    code, said = run(tmp_path, LOST)
    assert code == 1
    assert "7 failed" in said.splitlines()[-1]
    for problem in (
        "was not awaited",
        "exact is unscored",
        "give at_least or at_most",
        "token_f1 is 0.6667, below 0.9",
        "latency is 900, above 500",
        "is a model of a server, and none is named",
        "did you mean 'exact'?",
    ):
        assert problem in said, problem


@pytest.mark.parametrize(
    ("marker", "arguments", "problem"),
    [
        ('"nowhere.jsonl"', "example", "nowhere.jsonl"),
        ('"golden.jsonl"', "", "takes `example`"),
        ('"golden.jsonl", samples=3', "example", "samples"),
    ],
)
def test_a_dataset_that_cannot_be_had_stops_the_session(
    tmp_path: Path, marker: str, arguments: str, problem: str
) -> None:
    test = f"@pytest.mark.dataset({marker})\ndef test_it({arguments}): ...\n"
    code, said = run(tmp_path, f"import pytest\n\n{test}")
    assert code not in (0, 5), said
    assert problem in said
    assert "Traceback" not in said
    assert "pytest_plugin.py" not in said


def test_rows_can_be_a_part_and_a_slow_scorer_can_be_awaited(tmp_path: Path) -> None:
    text = """
import asyncio
import pytest
from trimtab.pytest_plugin import assert_score

async def slow(output: str) -> bool:
    await asyncio.sleep(0.001)
    return True

@pytest.mark.dataset("golden.jsonl", sample=2, seed=1)
def test_it(example):
    async def work():
        found = await assert_score(slow, output="x", example=example)
        assert found.scores[0].passed
    asyncio.run(work())
    assert assert_score(slow, output="x", example=example).scores[0].passed
"""
    code, said = run(tmp_path, text)
    assert code == 0, said
    assert "2 passed" in said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("plugin") / "data")) as running:
        running.client.post("/api/v1/datasets", {"name": "sums", "examples": ROWS})
        yield running


def test_a_server_that_is_named_gets_the_run_once(server: Served, tmp_path: Path) -> None:
    name = "sums"
    text = SUITE.replace("golden.jsonl", "sums@1")
    options = ("--trimtab-url", server.url, "--trimtab-name", name, "-n", "2")
    _, said = run(tmp_path, text, *options)
    assert f"sent to {server.url}" in said, said
    assert kept(tmp_path) == []
    found: list[dict[str, Any]] = server.client.get("/api/v1/runs", {"name": name})["data"]
    (one,) = found
    assert (one["status"], one["source"], one["done"]) == ("done", "pytest", 9)
    assert len(list(server.client.results(one["run_id"]))) == 9


def test_a_server_that_is_away_costs_no_score(tmp_path: Path) -> None:
    env = {"TRIMTAB_URL": "http://127.0.0.1:9"}
    _, said = run(tmp_path, SUITE, env=env)
    assert "does not have it" in said
    assert len(kept(tmp_path)) == 1


def test_a_session_without_scores_imports_nothing_and_says_nothing(tmp_path: Path) -> None:
    text = """
import sys

def test_nothing():
    heavy = [n for n in sys.modules if n.startswith(("trimtab.evals", "trimtab.exp", "msgspec"))]
    assert heavy == []
"""
    code, said = run(tmp_path, text)
    assert code == 0, said
    assert "scores of" not in said
    assert not (tmp_path / ".trimtab").exists()


def test_the_package_declares_the_plugin() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'pytest11]\ntrimtab = "trimtab.pytest_plugin"' in text
