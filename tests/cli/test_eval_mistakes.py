"""What is wrong with a suite or a command line is said before the run, with where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trimtab.cli.runs import _score
from trimtab.cli.shell import root
from trimtab.datasets.files import read_examples
from trimtab.errors import ConfigError, InvalidRequest
from trimtab.evals.scorers import named


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluated(*args: str, **fields: Any) -> Result:
    given = {
        "name": "mine",
        "data": {"rows": [{"input": "a", "expected": "a"}]},
        "task": {"outputs": "input"},
        "scorers": ["exact"],
        **fields,
    }
    Path("a.eval.yaml").write_text(json.dumps(given))
    return CliRunner().invoke(root, ["eval", "a.eval.yaml", "--data", "data", *args])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scorers": ["exakt"]}, ["suite mine, scorers", "did you mean 'exact'?"]),
        ({"scorers": [{"contains": {"anny": ["x"]}}]}, ["suite mine", "anny"]),
        ({"data": {"file": "missing.jsonl"}}, ["suite mine", "missing.jsonl"]),
        ({"task": {"python": "missing.py:f"}}, ["suite mine", "missing.py"]),
        ({"task": {"python": "../x:f"}}, ["suite mine", "../x:f", "write FILE.py:NAME"]),
        ({"name": "mine!"}, ["`name`", "use 1 to 200 letters, digits"]),
    ],
)
@pytest.mark.slow
def test_what_is_wrong_is_said_with_the_file_of_the_suite(
    fields: dict[str, Any], said: list[str]
) -> None:
    result = evaluated(**fields)
    assert result.exit_code not in (0, 1, 3), result.output
    for text in ("a.eval.yaml", *said):
        assert text in result.stderr


@pytest.mark.parametrize("reference", ["../x:f", ".x:f", "a/../b:f"])
def test_what_is_no_name_of_a_module_is_said_so(reference: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        named(reference, tmp_path)


def test_a_report_of_an_unknown_kind_is_refused_before_anything_is_run() -> None:
    result = evaluated("--report", "x.pdf")
    assert result.exit_code == 2
    assert "NAME.md or NAME.html" in result.stderr
    assert not Path("data").exists()


@pytest.mark.slow
def test_reports_name_no_address_of_a_server_that_ends_with_the_command() -> None:
    assert evaluated("--report", "one.md", "--report", "one.html").exit_code == 0
    assert evaluated().exit_code == 0
    both = ("mine", "last", "--data", "data", "--report", "two.md", "--report", "two.html")
    result = CliRunner().invoke(root, ["compare", *both])
    assert "wrote two.md" in result.stderr, result.output
    for name in ("one.md", "one.html", "two.md", "two.html"):
        text = Path(name).read_text()
        assert "exact" in text
        assert "127.0.0.1" not in text


def test_a_report_of_a_comparison_of_an_unknown_kind_is_refused_before_it() -> None:
    result = CliRunner().invoke(root, ["compare", "a", "b", "--data", "data", "--report", "x.pdf"])
    assert result.exit_code == 2
    assert "NAME.md or NAME.html" in result.stderr


@pytest.mark.parametrize(
    "row",
    ['{"input": "a", "input": "b"}', '{"input": {"q": 1, "q": 2}}', '{"input": [{"a":1,"a":1}]}'],
)
def test_a_key_that_is_twice_in_one_object_is_an_error_with_its_line(
    row: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"input": "x"}\n' + row + "\n")
    with pytest.raises(InvalidRequest, match=r"line 2 of rows\.jsonl has the key '.+' twice"):
        list(read_examples(path))


def test_a_text_that_looks_like_keys_is_no_doubled_key(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"input": '{"a": 1, "a": 2}', "expected": {"a": 1}}) + "\n")
    assert [row.input for row in read_examples(path)] == ['{"a": 1, "a": 2}']


def test_a_score_that_is_not_there_says_why() -> None:
    score = {"name": "faithfulness", "status": "unscored", "reason": "missing: context"}
    assert _score(score) == "faithfulness unscored: missing: context"
