"""The examples of shipping are what GitHub, GitLab and `trimtab ship` take."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.docs.pages import ROOT, blocks

from trimtab.cli.shell import root
from trimtab.shipping.declared import read

CI = ROOT / "examples" / "ci"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "schema"),
    [("github-ship.yml", "vendor.github-workflows"), ("gitlab-ship.yml", "vendor.gitlab-ci")],
)
def test_the_pipelines_are_what_their_schemas_allow(name: str, schema: str) -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--builtin-schema", schema, CI / name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_gives_the_action_only_what_it_takes() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    workflow = yaml.safe_load((CI / "github-ship.yml").read_text())
    (action,) = [one for one in workflow["jobs"]["ship"]["steps"] if "with" in one]
    assert set(action["with"]) <= set(inputs)
    arguments = re.findall(r"'(--[^']*)'", action["with"]["arguments"])
    assert [known(shlex.split(one)) for one in arguments] == [True, True]


def test_the_jobs_run_commands_that_exist() -> None:
    jobs = yaml.safe_load((CI / "gitlab-ship.yml").read_text())
    said = [line for job in ("check", "ship") for line in jobs[job]["script"]]
    for line in said:
        words = shlex.split(line)
        assert words[:2] == ["trimtab", "ship"]
        assert (CI / words[2]).is_file()
        assert known(words[3:])


def known(words: list[str]) -> bool:
    """Whether `trimtab ship` has these options."""
    shown = CliRunner().invoke(root, ["ship", "--help"]).stdout
    return all(word in shown for word in words if word.startswith("--"))


def test_the_declarations_can_be_read(tmp_path: Path) -> None:
    found = read(CI / "docs-assistant.release.yaml").declaration
    assert found.canary is not None
    assert (found.canary.part, found.canary.seconds) == (0.1, 1800)
    (block,) = blocks([ROOT / "docs" / "shipping.md"], "yml")
    path = tmp_path / "page.release.yaml"
    path.write_text(block.text)
    page: Any = read(path).declaration
    assert page.suites == ["evals/docs.eval.yaml"]
