"""The examples of the page about continuous integration are what GitHub, GitLab and pytest take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "ci.md"
pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TRIMTAB"))}
    done = subprocess.run(
        command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("place", "schema"), [(0, "vendor.github-workflows"), (1, "vendor.gitlab-ci")]
)
def test_the_pipelines_are_what_their_schemas_allow(
    tmp_path: Path, place: int, schema: str
) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text(blocks([PAGE], "yml")[place].text)
    checker = Path(sys.executable).parent / "check-jsonschema"
    run(checker, "--builtin-schema", schema, path, cwd=tmp_path)


def test_the_tests_pass(tmp_path: Path) -> None:
    rows = [{"input": f"2 + {n}", "expected": str(2 + n)} for n in range(3)]
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "my_program.py").write_text(
        "def answer(question):\n    return str(sum(map(int, question.split(' + '))))\n"
    )
    (block,) = blocks([PAGE], "py")
    (tmp_path / "test_answers.py").write_text(block.text)
    named = entry_points(group="pytest11", name="trimtab")
    plugin = () if named else ("-p", "trimtab.pytest_plugin")
    options = ("-p", "no:cacheprovider", "-q", "--strict-markers")
    run(sys.executable, "-m", "pytest", *plugin, *options, cwd=tmp_path)
