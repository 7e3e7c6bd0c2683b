"""`trimtab doctor` on real directories, ports and limits."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.processes import serving

from trimtab.cli import doctor as module
from trimtab.cli.shell import root
from trimtab.kit.datadir import acquire

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_directory(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("TRIMTAB_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIMTAB_PORT", "0")


def doctor(*args: str) -> Result:
    return CliRunner().invoke(root, ["doctor", *args])


def findings(*args: str) -> dict[str, list[dict[str, Any]]]:
    """The checks by name, after seeing that the exit code agrees with them."""
    result = doctor("--json", *args)
    report = json.loads(result.stdout)
    failed = any(check["status"] == "fail" for check in report["checks"])
    assert result.exit_code == (1 if failed else 0)
    assert report["ok"] is not failed
    found: dict[str, list[dict[str, Any]]] = {}
    for check in report["checks"]:
        found.setdefault(check["name"], []).append(check)
    return found


def worst(checks: list[dict[str, Any]]) -> dict[str, Any]:
    return max(checks, key=lambda check: ["ok", "warn", "fail"].index(check["status"]))


def test_a_fresh_directory_is_in_order_and_stays_untouched(tmp_path):
    result = doctor()
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].endswith("0 fail")
    assert list(tmp_path.iterdir()) == []


def test_everything_that_is_not_in_order_comes_with_a_fix():
    Path("trimtab.yaml").write_text("host: 0.0.0.0\ncorpora: [{name: a, path: gone}]\n")
    found = findings()
    assert worst(found["access"])["status"] == "fail"
    assert worst(found["corpora"])["status"] == "fail"
    bad = [check for checks in found.values() for check in checks if check["status"] != "ok"]
    assert all(check["fix"] for check in bad)
    assert "fix: " in doctor().stdout


def test_a_wrong_configuration_fails_and_the_machine_is_still_checked():
    Path("trimtab.yaml").write_text("prot: 1\n")
    found = findings()
    assert worst(found["config"])["status"] == "fail"
    assert "did you mean `port`?" in worst(found["config"])["fix"]
    assert found["python"][0]["status"] == "ok"


def test_variables_that_are_no_settings_are_pointed_out(monkeypatch):
    monkeypatch.setenv("TRIMTAB_SERVICE_HOST", "x")
    assert "TRIMTAB_SERVICE_HOST" in worst(findings()["config"])["what"]


def test_secrets_in_the_file_are_pointed_out_but_not_shown():
    Path("trimtab.yaml").write_text("access: {keys: [{name: ci, key: sk-topsecret}]}\n")
    Path("trimtab.yaml").chmod(0o644)
    found = findings()["secrets"]
    said = " ".join(check["what"] for check in found)
    assert {check["status"] for check in found} == {"warn"}
    assert "access.keys[0].key" in said
    assert "others can read" in said
    assert "shorter than 16" in said
    assert "topsecret" not in doctor().output
    Path("trimtab.yaml").chmod(0o600)
    assert "others can read" not in doctor().output


def test_a_data_directory_others_can_read_is_pointed_out():
    Path(".trimtab").mkdir()
    Path(".trimtab").chmod(0o755)
    check = worst(findings()["data"])
    assert (check["status"], check["fix"]) == ("warn", "chmod 700 .trimtab")
    Path(".trimtab").chmod(0o700)
    assert worst(findings()["data"])["status"] == "ok"
    assert list(Path(".trimtab").iterdir()) == []


def test_a_data_path_that_is_a_file_fails():
    Path("data").write_text("")
    assert worst(findings("--data", "data")["data"])["status"] == "fail"
    assert worst(findings("--data", "data/deeper")["data"])["status"] == "fail"


def test_a_file_system_without_space_fails():
    assert worst(findings("--data", "/proc/trimtab")["disk"])["status"] == "fail"


def test_a_running_server_is_named_and_its_port_is_no_problem():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with acquire(Path(".trimtab"), url=f"http://127.0.0.1:{port}"):
            found = findings("--port", str(port))
            assert f"process {os.getpid()}" in found["server"][0]["what"]
            assert found["port"][0]["status"] == "ok"
        taken = findings("--port", str(port))
        assert "none" in taken["server"][0]["what"]
        assert taken["port"][0]["status"] == "fail"
        assert "--port" in taken["port"][0]["fix"]


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Of the extras only this one, whose distribution is not there."""
    (extra,) = [one for one in module._EXTRAS if one.name == name]
    monkeypatch.setattr(module, "_EXTRAS", (extra._replace(distribution="trimtab-no-such-thing"),))


def test_an_extra_that_a_setting_needs_is_missed_only_then(monkeypatch):

    only(monkeypatch, "postgres")
    optional = findings()["[postgres]"][0]
    assert (optional["status"], "trimtab[postgres]" in optional["what"]) == ("ok", True)
    monkeypatch.setenv("TRIMTAB_METADATA_URL", "postgresql://ann:topsecret@db/x")
    needed = findings()["[postgres]"][0]
    assert (needed["status"], needed["fix"]) == ("fail", "run: pip install 'trimtab[postgres]'")
    assert "topsecret" not in doctor().output


def test_every_extra_of_the_package_is_named():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = asked["project"]["optional-dependencies"]
    assert {extra.name for extra in module._EXTRAS} == set(extras)
    found = findings()
    for name in extras:
        assert found[f"[{name}]"], name


def test_an_extra_that_a_port_needs_is_missed(monkeypatch):

    only(monkeypatch, "grpc")
    monkeypatch.setenv("TRIMTAB_GRPC_PORT", "4317")
    assert findings()["[grpc]"][0]["status"] == "fail"


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_file_of_payloads_that_is_missing_or_cut_off_is_named(tmp_path, killed):
    data = tmp_path / ".trimtab"
    with serving(data) as server:
        for number in range(3):
            server.client.chat("trimtab/extract", f"Which port is number {number}?")
        assert server.client.get("/api/v1/spans/count")["count"] == 3
        server.kill() if killed else server.stop()
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert findings()["payloads"][0]["status"] == "ok"
    [file] = (data / "telemetry.packs").iterdir()
    size = file.stat().st_size
    os.truncate(file, size - 1)
    short = findings()["payloads"][0]
    assert (short["status"], f"{file.name} has {size - 1} bytes of {size}" in short["what"]) == (
        "fail",
        True,
    )
    file.unlink()
    gone = findings()["payloads"][0]
    assert (gone["status"], "is missing" in gone["what"]) == ("fail", True)
    file.write_bytes(before[file])
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_too_few_open_files_for_the_concurrency_is_a_warning():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        check = findings()["open-files"][0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (check["status"], check["fix"]) == ("warn", "ulimit -n 640")


def test_the_real_program_exits_1_when_something_fails(tmp_path):
    command = [sys.executable, "-m", "trimtab", "doctor", "--json", "--config", "absent.yaml"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["ok"] is False
