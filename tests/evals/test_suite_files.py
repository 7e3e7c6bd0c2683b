"""Suites are found where they may be; what is wrong with one is said with file, line and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.errors import ConfigError
from trimtab.evals.files import find

GOOD = """\
name: {name}
data: {{rows: [{{input: a, expected: a}}]}}
task: {{outputs: input}}
scorers: [exact]
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(*paths: str, cwd: Path) -> list[str]:
    return [declared.suite.name for declared in find([Path(path) for path in paths], cwd=cwd)]


def test_files_and_folders_are_searched_and_other_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.eval.yaml", GOOD.format(name="a"))
    write(tmp_path / "deep/er/b.eval.yml", GOOD.format(name="b"))
    write(tmp_path / "deep/other.yaml", "name: not a suite")
    write(tmp_path / "deep/helper.py", "raise RuntimeError('is not imported')")
    write(tmp_path / ".hidden/c.eval.yaml", "not: looked at")
    assert names(cwd=tmp_path) == ["a", "b"]
    assert names("deep", cwd=tmp_path) == ["b"]
    assert names("a.eval.yaml", "deep", cwd=tmp_path) == ["a", "b"]
    assert names(".", "a.eval.yaml", cwd=tmp_path) == ["a", "b"], "named twice, run once"


def test_a_file_may_hold_several_suites(tmp_path: Path) -> None:
    items = [GOOD.format(name=name).replace("\n", "\n  ").rstrip() for name in ("one", "two")]
    write(tmp_path / "a.eval.yaml", "suites:\n- " + "\n- ".join(items) + "\n")
    assert names(cwd=tmp_path) == ["one", "two"]


def test_trimtab_yaml_declares_suites_and_names_files(tmp_path: Path) -> None:
    write(tmp_path / "more/a.eval.yaml", GOOD.format(name="named"))
    inline = GOOD.format(name="inline").replace("\n", "\n  ").rstrip()
    write(tmp_path / "trimtab.yaml", f"port: 1234\nsuites:\n- {inline}\n- more\n")
    write(tmp_path / "elsewhere.eval.yaml", GOOD.format(name="not in the usual place"))
    assert names(cwd=tmp_path) == ["inline", "named"]


def test_python_files_declare_suites_at_module_level(tmp_path: Path) -> None:
    code = (
        "import trimtab\nfrom helper_of_suites import ROWS\n"
        "from trimtab.experiments.suite import DataRef, TaskRef\n"
        "def made(name):\n"
        "    data, task = DataRef(rows=ROWS), TaskRef(outputs='input')\n"
        "    return trimtab.Suite(name=name, data=data, task=task)\n"
        "one = made('one')\nmany = [made('two'), made('three')]\n_private = [made('four')]\n"
    )
    write(tmp_path / "eval_all.py", code)
    write(tmp_path / "helper_of_suites.py", "ROWS = [{'input': 'a'}]")
    assert sorted(names(cwd=tmp_path)) == ["one", "three", "two"]


@pytest.mark.parametrize(
    ("text", "where", "what", "fix"),
    [
        (
            "name: x\ndata: {}\ntask: {}\nscorer: [exact]\n",
            "4:1",
            "unknown key `scorer`",
            "`scorers`",
        ),
        ("name: x\ntask: {}\n", "1:1", "`data` is missing", "add it"),
        (
            "name: x\ndata: {}\ntask: {}\nrepeat: many\n",
            "4:9",
            "`repeat`: expected `int`",
            "quotes",
        ),
        ("name: x\ndata: {}\ntask: {}\nrepeat: 0\n", "4:9", "`repeat`: expected `int` >= 1", ""),
        ("name: x\ndata: {}\ntask: {}\ntier: slow\n", "4:7", "`tier`: invalid enum value", ""),
        (
            "name: x\ndata: {}\ntask: {}\ngate:\n  rules:\n  - {metric: a, margn: 1}\n",
            "6:17",
            "unknown key `gate.rules[0].margn`",
            "`margin`",
        ),
        (
            "name: x\ndata: {}\ntask: {}\ngate: {rules: [{metric: a, margin: -1}]}\n",
            "4:16",
            "a margin must be a number >= 0",
            "",
        ),
        ("name: x\nname: y\n", "2:1", "`name` is set twice", "keep one"),
        ("name: [x\n", "2:1", "not valid YAML", "indentation"),
        ("- name: x\n", "1:1", "a suite must be", "docs/evaluation.md"),
        ("suites: {}\n", "1:9", "`suites` must be a list", "- "),
        ("suites: []\nport: 1\n", "2:1", "`port` stands beside", "move it"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_to_do(
    tmp_path: Path, text: str, where: str, what: str, fix: str
) -> None:
    write(tmp_path / "a.eval.yaml", text)
    with pytest.raises(ConfigError) as raised:
        find([], cwd=tmp_path)
    assert raised.value.where == f"a.eval.yaml:{where}"
    assert what in raised.value.what
    assert fix in str(raised.value.fix or "")


@pytest.mark.parametrize(
    ("code", "where", "what"),
    [
        ("import trimtab\n\nx = 1 / 0\n", "eval_x.py:3", "ZeroDivisionError"),
        ("import trimtab\nfrom nowhere_at_all import x\n", "eval_x.py:2", "nowhere_at_all"),
        ("def broken(:\n", "eval_x.py:1", "SyntaxError"),
    ],
)
def test_a_python_file_that_fails_says_which_line(
    tmp_path: Path, code: str, where: str, what: str
) -> None:
    write(tmp_path / "eval_x.py", code)
    with pytest.raises(ConfigError, match=what) as raised:
        find([], cwd=tmp_path)
    assert raised.value.where == where


def test_nothing_found_and_one_name_twice_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no suite"):
        find([], cwd=tmp_path)
    with pytest.raises(ConfigError, match="no such file or folder"):
        find([Path("nowhere")], cwd=tmp_path)
    for name in ("a", "b"):
        write(tmp_path / f"{name}.eval.yaml", GOOD.format(name="same"))
    with pytest.raises(ConfigError, match=r"called 'same': in a.eval.yaml and b.eval.yaml"):
        find([], cwd=tmp_path)
