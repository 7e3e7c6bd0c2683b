"""Results of other tools in, results of runs out.

The files of DeepEval were written by DeepEval; those of promptfoo and Ragas follow what these tools
document of the files they write.
"""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
from click.testing import CliRunner, Result
from tests.serving import Served, configured, served
from tests.stations.measured import examples, measured

from trimtab.cli.shell import root
from trimtab.errors import InvalidRequest, MissingExtra
from trimtab.experiments.exchange import table, wandb
from trimtab.experiments.exchange.foreign import Foreign
from trimtab.experiments.exchange.reading import read

FILES = Path(__file__).parent / "exchanged"


def scores(run: Foreign, metric: str) -> list[tuple[str, float | None]]:
    return [
        (score.status, score.number)
        for result in run.results
        for score in result.scores
        if score.name == metric
    ]


@pytest.mark.parametrize("name", ["deepeval_run.json", "deepeval_result.json"])
def test_deepeval_is_read_in_both_of_its_shapes(name: str) -> None:
    (run,) = read(FILES / name)
    assert run.tool == "deepeval"
    assert [scorer.name for scorer in run.scorers] == ["right_answer"]
    assert scores(run, "right_answer") == [("scored", 1.0), ("scored", 0.25), ("error", None)]
    first, _, broken = run.results
    assert (first.output, first.context) == ("7711", ("The server listens on 7711.",))
    assert broken.scores[0].reason == "ValueError: the judge did not answer"
    assert first.scores[0].metadata["threshold"] == 0.5
    assert run.examples[0].expected == "7711"


def test_the_same_rows_have_the_same_ids_whoever_judged_them() -> None:
    (one,), (other,) = read(FILES / "deepeval_run.json"), read(FILES / "ragas.csv")
    assert one.examples[0].example_id == other.examples[0].example_id


def test_promptfoo_tells_failed_from_broken() -> None:
    (run,) = read(FILES / "promptfoo.json")
    assert (run.name, dict(run.variant)["provider"]) == ("ports", "echo")
    assert scores(run, "passed") == [("scored", 0.0), ("error", None)]
    assert scores(run, "mentions") == [("scored", 1.0)]
    assert scores(run, "assert_equals") == [("scored", 0.0)]
    failed, broken = run.results
    assert (failed.error, broken.error) == (None, "provider is down")
    assert failed.latency_ms == 12
    assert failed.usage is not None
    assert failed.usage.total_input == 4
    assert run.started_ns == 1_795_168_800_000_000_000


@pytest.mark.parametrize("kind", ["csv", "records", "columns", "lines", "parquet"])
def test_ragas_is_read_however_its_table_was_written(tmp_path: Path, kind: str) -> None:
    with (FILES / "ragas.csv").open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        row["faithfulness"] = float(row["faithfulness"])
        row["answer_relevancy"] = float(row["answer_relevancy"] or "nan")
    path = tmp_path / f"ragas.{kind if kind in ('csv', 'parquet') else 'json'}"
    plain = [{k: None if str(v) == "nan" else v for k, v in row.items()} for row in rows]
    match kind:
        case "csv":
            path.write_bytes((FILES / "ragas.csv").read_bytes())
        case "records":
            path.write_text(json.dumps(plain))
        case "columns":
            by_name = {k: {str(n): row[k] for n, row in enumerate(plain)} for k in plain[0]}
            path.write_text(json.dumps(by_name))
        case "lines":
            path.write_text("".join(json.dumps(row) + "\n" for row in plain))
        case "parquet":
            lines = tmp_path / "rows.json"
            lines.write_text(json.dumps(plain))
            with duckdb.connect() as database:
                database.read_json(str(lines)).write_parquet(str(path))
    (run,) = read(path)
    assert run.tool == "ragas"
    assert scores(run, "faithfulness") == [("scored", 1.0), ("scored", 0.0)]
    assert scores(run, "answer_relevancy") == [("scored", 0.93), ("unscored", None)]
    assert run.results[0].context[0] == "The server listens on 7711."
    assert run.results[1].output == "Blue."


@pytest.mark.parametrize(
    ("name", "content", "problem", "where"),
    [
        ("x.json", "{", "not valid JSON", "x.json"),
        ("x.json", '{"a": 1}', "cannot be told", "x.json"),
        ("x.json", '{"testCases": [3]}', "a number, not an object", ".testCases[0]"),
        (
            "x.json",
            '{"testCases": [{"input": "q", "metricsData": [{"name": "a", "score": "high"}]}]}',
            "'high' is not a number",
            ".testCases[0].metricsData[0].score",
        ),
        ("x.json", '{"testCases": []}', "no result", "x.json"),
        ("x.json", '{"results": {"version": 2, "results": []}}', "version 2", ".results.version"),
        ("x.csv", "user_input,response,f\na,b,0.5\nc,d,high\n", "not a number", "row 2, column f"),
        ("x.csv", 'user_input,response\n"a', "unexpected end of data", "line 1"),
        ("x.parquet", "PAR0", "no Parquet file", "x.parquet"),
        ("nowhere.json", None, "cannot be read", "nowhere.json"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(
    tmp_path: Path, name: str, content: str | None, problem: str, where: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InvalidRequest) as caught:
        read(tmp_path / name)
    assert problem in caught.value.what
    assert where in str(caught.value.where)


# -- tables ----------------------------------------------------------------------------------------


def rows() -> list[table.Row]:
    run = measured("r", {"right": [True, None], "speed": [1.5, 2.5]}, outputs=[{"a": [1]}, "=1+1"])
    known = {row.example_id: row for row in examples(2)}
    return table.rows(run.run, run.results, known)


def test_a_table_has_a_row_for_each_answer_and_says_why_a_score_is_missing() -> None:
    first, second = rows()
    assert (first["score.right"], first["status.right"]) == (1.0, "scored")
    assert (second["score.right"], second["reason.right"]) == (None, "the judge said nothing")
    assert (first["input"], first["output"]) == ("question 0", {"a": [1]})


def test_every_shape_holds_the_same(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in table.written(rows(), "jsonl").splitlines()]
    assert lines[0]["output"] == {"a": [1]}
    cells = list(csv.DictReader(table.written(rows(), "csv").decode().splitlines()))
    assert (cells[0]["output"], cells[1]["score.right"]) == ('{"a":[1]}', "")
    path = tmp_path / "rows.parquet"
    path.write_bytes(table.written(rows(), "parquet"))
    with duckdb.connect() as database:
        found = database.execute(
            'SELECT example_id, repeat, output, "score.speed" FROM read_parquet(?)', [str(path)]
        )
        assert found.fetchall() == [("e000", 0, '{"a":[1]}', 1.5), ("e001", 0, "=1+1", 2.5)]


@pytest.mark.parametrize("shape", table.SHAPES)
def test_a_run_without_answers_is_a_table_too(shape: str) -> None:
    run = measured("r", {"right": [True]})
    assert table.written(table.rows(run.run, []), shape) is not None


def test_weights_and_biases_needs_its_extra(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    run = measured("r", {"right": [True]})
    with pytest.raises(MissingExtra, match=r"trimtab\[wandb\]"):
        wandb.export(run.run, [], folder=tmp_path, project="p")


# -- commands --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("exchange") / "data")) as running:
        yield running


def trimtab(server: Served, *args: str) -> Result:
    return CliRunner().invoke(root, [*args, "--url", server.url])


def test_what_is_imported_is_a_run_like_others(server: Served, tmp_path: Path) -> None:
    path = FILES / "deepeval_run.json"
    done = trimtab(server, "runs", "import", str(path), "--dataset", "ports", "--json")
    assert done.exit_code == 0, done.output
    (made,) = json.loads(done.stdout)
    run = server.client.get(f"/api/v1/runs/{made['run_id']}")
    assert (run["name"], run["source"], run["dataset"]) == ("deepeval_run", "deepeval", "ports@1")
    assert run["metrics"]["right_answer"]["n"] == 2
    kept = list(server.client.results(made["run_id"]))
    assert [row["output"] for row in kept] == ["7711", "blue", "boom"]
    again = trimtab(server, "runs", "import", str(path), "--dataset", "ports", "--json")
    (other,) = json.loads(again.stdout)
    compared = trimtab(server, "compare", made["run_id"], other["run_id"], "--slices", "language")
    assert compared.exit_code == 3, compared.output
    out = tmp_path / "run.csv"
    done = trimtab(server, "runs", "export", made["run_id"], "-o", str(out))
    assert done.exit_code == 0, done.output
    cells = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["score.right_answer"] for row in cells] == ["1.0", "0.25", ""]
    assert cells[0]["input"] == "Which port?"


def test_a_file_that_is_none_says_so_and_exits_with_2(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")
    done = trimtab(server, "runs", "import", str(path))
    assert done.exit_code == 2
    assert "--format deepeval" in done.stderr


@pytest.mark.parametrize("args", [("--format", "mlflow"), ("-o", "x.xlsx")])
def test_an_export_to_nowhere_is_a_usage_error(server: Served, args: tuple[str, ...]) -> None:
    path = FILES / "promptfoo.json"
    (made,) = json.loads(trimtab(server, "runs", "import", str(path), "--json").stdout)
    assert trimtab(server, "runs", "export", made["run_id"], *args).exit_code == 2


class Tracking(BaseHTTPRequestHandler):
    """What an MLflow tracking server answers to the calls of an export, as MLflow 3 does."""

    calls: ClassVar[list[tuple[str, str, Any]]] = []

    def do_GET(self) -> None:
        self.answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})

    def do_POST(self) -> None:
        info = {"run_id": "abc", "artifact_uri": "mlflow-artifacts:/1/abc/artifacts"}
        answers = {
            "experiments/create": {"experiment_id": "1"},
            "runs/create": {"run": {"info": info}},
        }
        self.answer(200, answers.get(self.path.removeprefix("/api/2.0/mlflow/"), {}))

    def do_PUT(self) -> None:
        self.do_POST()

    def answer(self, status: int, body: Any) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.calls.append((self.command, self.path, json.loads(sent or b"null")))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


def test_mlflow_gets_metrics_with_bounds_facts_and_the_table(server: Served) -> None:
    path = FILES / "deepeval_run.json"
    (made,) = json.loads(trimtab(server, "runs", "import", str(path), "--json").stdout)
    with HTTPServer(("127.0.0.1", 0), Tracking) as tracking:
        thread = threading.Thread(target=tracking.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{tracking.server_port}"
        args = ("runs", "export", made["run_id"], "--format", "mlflow", "--to", url, "--json")
        done = trimtab(server, *args)
        tracking.shutdown()
        thread.join()
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"mlflow_run_id": "abc"}
    calls = {path: body for _, path, body in Tracking.calls}
    batch = calls["/api/2.0/mlflow/runs/log-batch"]
    metrics = {each["key"]: each["value"] for each in batch["metrics"]}
    assert metrics["right_answer"] == 0.625
    assert metrics["right_answer_coverage"] == pytest.approx(2 / 3)
    table = calls["/api/2.0/mlflow-artifacts/artifacts/1/abc/artifacts/trimtab_results.json"]
    assert "score.right_answer" in table["columns"]
    assert len(table["data"]) == 3
    assert calls["/api/2.0/mlflow/runs/update"]["status"] == "FINISHED"


def test_an_mlflow_server_that_is_away_exits_with_4(server: Served) -> None:
    path = FILES / "deepeval_run.json"
    (made,) = json.loads(trimtab(server, "runs", "import", str(path), "--json").stdout)
    to = ("--format", "mlflow", "--to", "http://127.0.0.1:9")
    done = trimtab(server, "runs", "export", made["run_id"], *to)
    assert done.exit_code == 4
    assert "does not answer" in done.stderr
