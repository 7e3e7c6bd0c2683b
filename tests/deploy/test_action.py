"""The GitHub Action is what GitHub takes, and its shell does what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
STEPS: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
SUITE = """
name: ports
data:
  rows:
    - {{example_id: a, input: "Which port?", expected: "7711", metadata: {{answer: "7711"}}}}
    - {{example_id: b, input: "And now?", expected: "7711", metadata: {{answer: "{answer}"}}}}
task: {{outputs: metadata.answer}}
scorers: [exact]
gate:
  cases: [{{metric: exact}}]
"""


def step(name: str) -> dict[str, Any]:
    return next(one for one in STEPS if one["name"] == name)


@pytest.mark.slow
def test_it_is_an_action_by_githubs_schema() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = [checker, "--builtin-schema", "vendor.github-actions", ACTION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_is_written_into_a_script() -> None:
    """What is put into a script by GitHub is run by it; what is in the environment is not."""
    for one in STEPS:
        script = one.get("run", "") + one.get("with", {}).get("script", "")
        assert "${{" not in script, one["name"]


def test_every_input_is_used_and_every_one_that_is_used_is_declared() -> None:
    text = ACTION.read_text()
    declared = set(yaml.safe_load(text)["inputs"])
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == declared


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "code", "verdict"), [("7711", "0", "pass"), ("80", "1", "fail")]
)
def test_the_evaluation_writes_its_reports_and_says_its_verdict(
    tmp_path: Path, answer: str, code: str, verdict: str
) -> None:
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "ports.eval.yaml").write_text(SUITE.format(answer=answer))
    env, outputs = evaluated(tmp_path)
    assert (outputs["code"], outputs["verdict"]) == (code, verdict)
    folder = Path(outputs["reports"])
    assert sorted(path.name for path in folder.iterdir()) == [
        *("junit.xml", "report.html", "report.md", "result.json")
    ]
    assert json.loads((folder / "result.json").read_text())["exit_code"] == int(code)
    assert (tmp_path / "summary.md").read_text() == (folder / "report.md").read_text()
    gate = step("Let the gate decide")
    ended = subprocess.run(
        [bash(), "-e", "-c", gate["run"]],
        env=env | {"CODE": outputs["code"], "VERDICT": outputs["verdict"]},
        timeout=30,
        check=False,
    )
    assert ended.returncode == int(code)


def test_a_report_of_an_earlier_step_is_not_taken_for_one_of_this(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.md").write_text("all is well")
    _, outputs = evaluated(tmp_path, PATHS="gone.eval.yaml")
    assert outputs["verdict"] == "error"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result.json"]
    assert not (tmp_path / "summary.md").exists()


def evaluated(folder: Path, **inputs: str) -> tuple[dict[str, str], dict[str, str]]:
    """What the step `Evaluate` has around it in a folder, and its outputs."""
    said = folder / "output"
    said.touch()
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB")},
        **dict.fromkeys(("PATHS", "BASELINE", "ARGUMENTS", "TRIMTAB_URL", "TRIMTAB_KEY"), ""),
        "COMMAND": "eval",
        "TIER": "code",
        "REPORTS": "out",
        "GITHUB_OUTPUT": str(said),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **inputs,
    }
    done = subprocess.run(
        [bash(), "-e", "-c", step("Evaluate")["run"]],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return env, dict(line.split("=", 1) for line in said.read_text().splitlines())


def bash() -> str:
    found = shutil.which("bash")
    assert found is not None
    return found
