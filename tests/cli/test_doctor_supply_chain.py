"""`trimtab doctor --supply-chain`: exit codes say clean, at risk, unknown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trimtab.cli.shell import root


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("osv").mkdir()
    affected = {"package": {"ecosystem": "PyPI", "name": "flask"}, "versions": ["3.0.2"]}
    Path("osv/one.json").write_text(json.dumps({"id": "GHSA-1", "affected": [affected]}))
    Path("bad.txt").write_text("flask==3.0.2\n")
    Path("good.txt").write_text("flask==3.0.3\n")


def doctor(*args: str) -> Result:
    return CliRunner().invoke(root, ["doctor", "--supply-chain", *args])


@pytest.mark.parametrize(
    ("args", "outcome", "code"),
    [
        (("--lockfile", "good.txt", "--osv", "osv"), "clean", 0),
        (("--lockfile", "bad.txt", "--osv", "osv"), "at risk", 1),
        (("--lockfile", "good.txt", "--offline"), "unknown", 3),
        (("--lockfile", "good.txt", "--osv", "http://127.0.0.1:1"), "unknown", 3),
        (("--offline",), "unknown", 3),
    ],
)
def test_the_exit_code_is_the_outcome(args: tuple[str, ...], outcome: str, code: int) -> None:
    shown, told = doctor(*args), doctor(*args, "--json")
    assert (shown.exit_code, told.exit_code) == (code, code)
    assert shown.stdout.splitlines()[-1].startswith(f"{outcome}:")
    assert json.loads(told.stdout)["outcome"] == outcome


def test_advisories_names_and_files_are_shown() -> None:
    Path("model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    Path("answer.py").write_text("import reqeusts\n")
    flags = ("--models", ".", "--code", "answer.py", "--osv", "osv")
    result = doctor("--lockfile", "bad.txt", *flags)
    assert "vulnerable  flask 3.0.2 (bad.txt): GHSA-1" in result.stdout
    assert "reqeusts (answer.py) is nearly requests" in result.stdout
    assert "dangerous   model.pkl (pickle): os.system" in result.stdout
    allowed = doctor("--allow", "reqeusts", "--code", "answer.py", "--offline")
    assert "reqeusts" not in allowed.stdout


def test_a_bill_of_materials_is_written_and_can_be_checked() -> None:
    doctor("--lockfile", "bad.txt", "--offline", "--sbom", "bom.json")
    document = json.loads(Path("bom.json").read_text())
    assert [one["purl"] for one in document["components"]] == ["pkg:pypi/flask@3.0.2"]
    assert doctor("--lockfile", "bom.json", "--osv", "osv").exit_code == 1


@pytest.mark.parametrize(
    "args", [("--lockfile", "gone.txt"), ("--osv", "gone"), ("--osv", "ftp://x.org")]
)
def test_what_cannot_be_read_is_a_wrong_usage(args: tuple[str, ...]) -> None:
    result = doctor(*args)
    assert result.exit_code == 2 or getattr(result.exception, "exit_code", None) == 2


def test_its_options_alone_are_a_wrong_usage() -> None:
    result = CliRunner().invoke(root, ["doctor", "--lockfile", "good.txt"])
    assert result.exit_code == 2
    assert "--supply-chain" in result.output
