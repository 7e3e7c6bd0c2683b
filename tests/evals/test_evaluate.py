"""`trimtab.evaluate`: rows, a function and scorers become a verdict, without a server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import trimtab
from trimtab.errors import ConfigError, Conflict, InvalidRequest, ScorerError
from trimtab.evals.rows import sampled
from trimtab.experiments.rules import GateRule
from trimtab.records import Example

ROWS = [{"example_id": f"e{n}", "input": f"q{n}", "expected": f"q{n}"} for n in range(60)]


async def right(input: str) -> str:
    return input


async def often(input: str) -> str:
    return input if int(input[1:]) % 3 else "no"


def test_a_function_is_scored_and_compared_with_another() -> None:
    before = trimtab.evaluate(often, ROWS, scorers=["exact"])
    assert before.metrics["exact"].value == pytest.approx(2 / 3)
    assert (before.passed, before.verdict, len(before.results)) == (True, None, 60)
    after = trimtab.evaluate(right, ROWS, scorers=["exact"], baseline=before)
    assert after.verdict is not None
    assert (after.verdict.outcome, after.verdict.improved, after.passed) == ("pass", True, True)
    worse = trimtab.evaluate(often, ROWS, scorers=["exact"], baseline=after)
    assert (worse.passed, worse.exit_code) == (False, 1)


def test_it_runs_inside_the_loop_that_the_task_belongs_to() -> None:
    async def work() -> float | None:
        loop = asyncio.get_running_loop()

        async def task(input: str) -> str:
            assert asyncio.get_running_loop() is loop
            return input

        with pytest.raises(InvalidRequest, match="inside a running event loop"):
            trimtab.evaluate(task, ROWS)
        found = await trimtab.aevaluate(task, ROWS, scorers=["exact"])
        return found.metrics["exact"].value

    assert asyncio.run(work()) == 1.0


def test_rows_may_be_examples_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("question,answer\na,a\nb,c\n")
    examples = [Example(example_id="x", input="a", expected="a")]
    by_file = trimtab.evaluate(right, tmp_path / "rows.csv", scorers=["exact"])
    assert by_file.metrics["exact"].value == 0.5
    assert trimtab.evaluate(right, examples, scorers=["exact"]).metrics["exact"].value == 1.0


def test_own_functions_and_parameters_are_scorers() -> None:
    def short(output: str) -> bool:
        return len(output) < 3

    found = trimtab.evaluate(right, ROWS[:20], scorers=[short, {"exact": {"name": "same"}}])
    assert found.metrics["short"].value == 0.5
    assert found.metrics["same"].value == 1.0


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (GateRule(metric="exact", floor=0.4), "pass"),
        (GateRule(metric="exact", floor=0.65), "inconclusive"),
        (GateRule(metric="exact", floor=0.95), "fail"),
    ],
)
def test_a_floor_gates_without_a_baseline(rule: GateRule, outcome: str) -> None:
    found = trimtab.evaluate(often, ROWS, scorers=["exact"], rules=[rule])
    assert found.verdict is not None
    assert found.verdict.outcome == outcome


class Application:
    """What a task asks: it has a state, which is no part of what the task is."""

    def __init__(self, stop_at: int) -> None:
        self.asked: list[str] = []
        self.stop_at = stop_at


def test_a_run_in_a_folder_is_kept_there_and_carried_on(tmp_path: Path) -> None:
    application = Application(stop_at=30)

    async def task(input: str) -> str:
        application.asked.append(input)
        if len(application.asked) == application.stop_at:
            raise KeyboardInterrupt
        return input

    settings: dict[str, Any] = {"scorers": ["exact"], "folder": tmp_path, "concurrency": 1}
    with pytest.raises(KeyboardInterrupt):
        trimtab.evaluate(task, ROWS, **settings)
    application.stop_at = 0
    found = trimtab.evaluate(task, ROWS, resume=True, **settings)
    assert found.metrics["exact"].n == 60
    assert len(application.asked) == 61, "the one that was cut short is asked again, no other"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"scorers": ["exakt"]}, ScorerError),
        ({"scorers": ["exact", "exact"]}, ScorerError),
        ({"wrong": 1}, InvalidRequest),
        ({"baseline": "last"}, InvalidRequest),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    settings: dict[str, Any], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIMTAB_URL", raising=False)

    async def task(input: str) -> str:
        raise AssertionError("asked")

    with pytest.raises(error):
        trimtab.evaluate(task, ROWS, **settings)
    with pytest.raises(ConfigError, match="no server is named"):
        trimtab.evaluate(trimtab.Suite(**_models()))


def _models() -> dict[str, Any]:
    from trimtab.experiments.suite import DataRef, TaskRef

    data = DataRef(rows=[{"input": "a"}])
    return {"name": "m", "data": data, "task": TaskRef(models=["far/x"])}


def test_a_sample_is_spread_and_the_same_for_a_seed() -> None:
    rows = [
        Example(example_id=f"e{n}", input="x", split="a" if n < 90 else "b") for n in range(120)
    ]
    taken = sampled(rows, 40, 1)
    assert taken == sampled(rows, 40, 1)
    assert taken != sampled(rows, 40, 2)
    assert len({row.example_id for row in taken}) == 40
    assert abs(sum(row.split == "a" for row in taken) - 30) <= 1


def test_the_public_api_loads_no_numpy_and_opens_nothing() -> None:
    code = (
        "import sys, trimtab; trimtab.evaluate, trimtab.Suite, trimtab.scorer;"
        "print([m for m in ('numpy', 'sqlalchemy', 'duckdb', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cache": "maybe"}, "cache is 'maybe'"),
        ({"repeat": 0}, "repeat is 0"),
        ({"concurrency": -1}, "concurrency is -1"),
        ({"scorers": []}, "nothing to judge the answers with"),
        ({"data": ["a", "b"]}, "row 1 is of the type str"),
        ({"data": {"input": "a"}}, "the data is of the type dict"),
        ({"data": 7}, "the data is of the type int"),
    ],
)
def test_what_no_run_could_have_is_refused_before_it(settings: dict[str, Any], said: str) -> None:
    def task(input: str) -> str:
        raise AssertionError("it was asked")

    with pytest.raises(InvalidRequest, match=said):
        trimtab.evaluate(task, **{"data": ROWS, "scorers": ["exact"], **settings})


def test_one_scorer_needs_no_list_and_a_lambda_no_name() -> None:
    assert trimtab.evaluate(right, ROWS, scorers="exact").metrics["exact"].value == 1.0
    both = ["exact", lambda output: len(output) < 3]
    found = trimtab.evaluate(right, ROWS[:20], scorers=both)
    assert found.metrics["scorer_2"].value == 0.5


def test_an_evaluation_is_printed_as_a_table_with_its_verdict() -> None:
    rules = [GateRule(metric="exact", floor=0.4)]
    said = str(trimtab.evaluate(often, ROWS, scorers=["exact"], rules=rules))
    [row] = [line for line in said.splitlines() if line.startswith("exact")]
    assert row.split() == ["exact", "0.67", "[0.54,", "0.77]", "60", "100", "%"]
    assert "gate: pass" in said


def test_a_suite_of_a_program_takes_plain_things(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("question,answer\na,a\nb,c\n")
    for data in (str(tmp_path / "rows.csv"), [{"input": "a", "expected": "a"}, {"input": "b"}]):
        suite = trimtab.Suite(name="plain", data=data, task=right, scorers=["exact"])
        assert isinstance(suite.data, trimtab.DataRef)
        assert isinstance(suite.task, trimtab.TaskRef)
        assert trimtab.evaluate(suite).metrics["exact"].total == 2
    named = trimtab.Suite(name="named", data="golden@3", task="app.py:answer")
    assert (named.data.dataset, named.task.python) == ("golden@3", "app.py:answer")
    wrong: Any = [{"input": "a"}, "b"]
    with pytest.raises(InvalidRequest, match="row 2 is of the type str"):
        trimtab.Suite(name="wrong", data=wrong, task=right)


def test_a_scorer_is_found_by_the_american_spelling_too() -> None:
    found = trimtab.evaluate(right, ROWS[:2], scorers=["normalized"])
    assert found.metrics["normalised"].value == 1.0


def test_a_baseline_over_other_rows_is_refused_before_anything_is_asked() -> None:
    before = trimtab.evaluate(right, ROWS, scorers=["exact"])
    other = [{**row, "expected": "other"} for row in ROWS]

    async def task(input: str) -> str:
        raise AssertionError("asked")

    with pytest.raises(Conflict, match="over different examples"):
        trimtab.evaluate(task, other, scorers=["exact"], baseline=before)


@pytest.mark.parametrize("as_examples", [True, False])
def test_two_rows_with_one_id_are_no_repeats_of_one(as_examples: bool) -> None:
    rows: list[Any] = [{"example_id": "a", "input": word} for word in "xyz"]
    if as_examples:
        rows = [Example(**row) for row in rows]
    with pytest.raises(InvalidRequest, match="row 2 has the id of row 1: 'a'"):
        trimtab.evaluate(right, rows, scorers=["exact"])


@pytest.mark.parametrize(("margin", "outcome"), [({"floor": 0.5}, "pass"), ({"margin": 0.3}, None)])
def test_a_metric_that_no_rule_names_does_not_gate_by_its_coverage(
    margin: dict[str, float], outcome: str | None
) -> None:
    def task(input: str) -> str:
        if input == "q3":
            raise ValueError("no")
        return input

    def fine(metadata: dict[str, Any]) -> bool:
        return True

    rows = [{**row, "metadata": {"a": 1}} for row in ROWS[:40]]
    rule = {"metric": "fine", **margin}
    found = trimtab.evaluate(task, rows, scorers=[fine, "latency"], rules=[rule])
    assert (found.verdict and found.verdict.outcome, found.exit_code) == (outcome, 0)
    notes = [*found.notes, *(found.verdict.notes if found.verdict else ())]
    assert [note for note in notes if note.startswith("latency: ")] == [
        "latency: only 39 of 40 examples (97.5 %) were scored, 98 % are needed; it does not gate"
    ]
    named = trimtab.evaluate(
        task, rows, scorers=["latency"], rules=[{"metric": "latency", "margin": 1.0}]
    )
    assert (named.verdict and named.verdict.outcome, named.exit_code) == ("inconclusive", 3)


LONG = "x" * 2_000_000
WRONG_ROWS: list[tuple[list[dict[str, Any]], str, dict[str, Any]]] = [
    (
        [{"input": "a"}, {"input": 5}],
        "row 2: column 'input' is a number, but text in row 1",
        {"mixed": True},
    ),
    (
        [{"input": "a", "expected": "b"}, {"input": "c", "expected": ["d"]}],
        "row 2: column 'expected' is a list, but text in row 1",
        {"mixed": True},
    ),
    (
        [{"input": "a"}, {"input": LONG}],
        "row 2: column 'input' has 2000000 bytes; at most 1048576",
        {"max_cell_bytes": 3_000_000},
    ),
    (
        [{"input": "a", "metadata": {"long": LONG}}],
        "row 1: column 'metadata' has 2000011 bytes; at most 1048576",
        {"max_cell_bytes": 3_000_000},
    ),
]


@pytest.mark.parametrize("as_examples", [True, False])
@pytest.mark.parametrize(("rows", "said", "allowed"), WRONG_ROWS)
def test_rows_of_a_program_are_checked_as_those_of_files_are(
    rows: list[Any], said: str, allowed: dict[str, Any], as_examples: bool
) -> None:
    given = [Example(example_id=f"e{n}", **row) for n, row in enumerate(rows)]
    with pytest.raises(InvalidRequest, match=said) as refused:
        trimtab.evaluate(str, given if as_examples else rows, scorers=["exact"])
    assert f"`{next(iter(allowed))}" in str(refused.value.fix)
    data = trimtab.DataRef(rows=rows, **allowed)
    assert len(trimtab.evaluate(str, data, scorers=["exact"]).results) == len(rows)


def test_a_parquet_file_is_data_of_a_suite(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "rows.parquet"
    with duckdb.connect() as database:
        select = "SELECT 'a' AS question, 'a' AS answer UNION ALL SELECT 'b', 'c'"
        database.sql(select).write_parquet(str(path))
    assert trimtab.evaluate(right, path, scorers=["exact"]).metrics["exact"].value == 0.5
    path.write_bytes(b"PAR1xxxx")
    with pytest.raises(InvalidRequest, match=r"rows\.parquet cannot be read as Parquet"):
        trimtab.evaluate(right, path, scorers=["exact"])


def test_a_file_of_a_suite_has_an_encoding(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes("question,answer\né,é\n".encode("latin-1"))
    path = str(tmp_path / "rows.csv")
    with pytest.raises(InvalidRequest, match="is not utf-8") as refused:
        trimtab.evaluate(right, path, scorers=["exact"])
    assert "`encoding: latin-1` in the data of a suite" in str(refused.value.fix)
    data = trimtab.DataRef(file=path, encoding="latin-1")
    assert trimtab.evaluate(right, data, scorers=["exact"]).metrics["exact"].value == 1.0
