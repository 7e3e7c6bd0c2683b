"""The rule of conftest.py: what is skipped in CI has failed, unless its reason holds there too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.skip(reason="not today")
def test_marked(): ...

def test_called():
    pytest.skip("no server")

@pytest.fixture
def server():
    pytest.skip("no binary")

def test_fixture(server): ...

@pytest.mark.skip(reason="shared data is absent")
def test_data(): ...

@pytest.mark.skip(reason="platform without sockets")
def test_platform(): ...

@pytest.mark.xfail
def test_expected(): raise AssertionError

def test_passes(): ...
"""
MODULE = "import pytest\npytest.importorskip('no_such_module_anywhere')\n"


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("1", {"failed": 1, "errors": 3, "skipped": 2}), ("", {"skipped": 6})],
)
def test_in_ci_only_allowed_reasons_skip(tmp_path: Path, ci: str, outcomes: dict[str, int]) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    for name in ("conftest.py", "services.py"):
        shutil.copy(Path(__file__).with_name(name), tests / name)
    (tests / "test_suite.py").write_text(SUITE)
    (tests / "test_module.py").write_text(MODULE)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p"),
            *("no:cacheprovider", "--continue-on-collection-errors"),
        ],
        cwd=tmp_path,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = finished.stdout.splitlines()[-1]
    counts = dict(part.split()[1::-1] for part in summary.partition(" in ")[0].split(", "))
    expected = outcomes | {"passed": 1, "xfailed": 1}
    assert {name: int(count) for name, count in counts.items()} == expected, finished.stdout
