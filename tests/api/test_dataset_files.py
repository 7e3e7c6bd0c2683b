"""Files of rows over HTTP: what they would be taken for, and the version they become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import pytest
from tests.api.problems import problem
from tests.api.test_datasets import PATH
from tests.serving import Reply, Served

CSV = b"question,answer,topic\nWhich port?,7711,ports\nHow long?,four hours,paint\n"


def send(server: Served, dataset: str, body: bytes, **query: str) -> Reply:
    return server.ask("POST", f"{PATH}/{dataset}/file?{urlencode(query)}", body)


def preview(server: Served, body: bytes, **query: str) -> Any:
    reply = server.ask("POST", f"{PATH}/looked-at/file/preview?{urlencode(query)}", body)
    assert reply.status == 200, reply.body
    return reply.json


def parquet(folder: Path) -> bytes:
    path = folder / "rows.parquet"
    duckdb.sql(f"COPY (SELECT 'Which port?' AS question, '7711' AS answer) TO '{path}'")
    return path.read_bytes()


def test_a_preview_says_what_a_file_would_be_taken_for_and_stores_nothing(widgets: Served) -> None:
    found = preview(widgets, CSV, name="questions.csv")
    assert found["columns"] == ["question", "answer", "topic"]
    assert found["fields"] == {"input": "question", "expected": "answer"}
    assert (found["metadata"], found["rows"], found["problem"]) == (["topic"], 2, None)
    assert found["examples"][1]["expected"] == "four hours"
    assert found["examples"][1]["metadata"] == {"topic": "paint"}
    assert widgets.ask("GET", f"{PATH}/looked-at").status == 404


def test_a_preview_shows_the_columns_also_where_none_is_the_input(widgets: Served) -> None:
    found = preview(widgets, b"a;b\n1;2\n", name="x.csv", delimiter=";")
    assert (found["columns"], found["first"]) == (["a", "b"], [{"a": "1", "b": "2"}])
    assert found["rows"] == 0
    assert "input" in found["problem"] + found["fix"]


def test_a_preview_reads_to_the_row_that_is_wrong(widgets: Served) -> None:
    body = b"\n".join(json.dumps({"input": n if n == 40 else f"{n}"}).encode() for n in range(60))
    found = preview(widgets, body, name="rows.jsonl")
    assert (found["rows"], len(found["examples"])) == (40, 20)
    assert "line 41 of rows.jsonl" in found["problem"]


@pytest.mark.parametrize("of", ["csv", "jsonl", "parquet"])
def test_a_file_becomes_the_next_version(widgets: Served, tmp_path: Path, of: str) -> None:
    jsonl = json.dumps({"question": "Which port?", "answer": "7711"}).encode()
    body = {"csv": CSV, "jsonl": jsonl, "parquet": parquet(tmp_path)}[of]
    made = send(widgets, f"of-{of}", body, name=f"rows.{of}", columns='{"cluster": "answer"}')
    assert made.status == 201, made.body
    assert (made.json["version"], made.json["note"]) == (1, f"imported from rows.{of}")
    first = next(widgets.client.rows(f"of-{of}"))
    assert (first["input"], first["cluster"]) == ("Which port?", "7711")


@pytest.mark.parametrize(
    ("name", "body", "query", "said"),
    [
        ("rows.xlsx", b"PK", {}, "no known format"),
        ("rows.parquet", b"PAR0", {}, "cannot be read as Parquet"),
        ("../../etc/rows.csv", b"question\n", {}, "has no rows"),
        ("", b"", {}, "no rows"),
        ("rows.csv", CSV, {"columns": "[]"}, "columns must be an object"),
        ("rows.csv", CSV, {"delimiter": "::"}, "one character"),
        ("rows.csv", CSV, {"encoding": "klingon"}, "no encoding"),
    ],
)
def test_what_cannot_be_read_is_refused(
    widgets: Served, name: str, body: bytes, query: dict[str, str], said: str
) -> None:
    reply = send(widgets, "refused", body, name=name, **query)
    assert said in problem(reply, 400)["detail"]
    assert widgets.ask("GET", f"{PATH}/refused").status == 404
