"""The README: short, its first result early, and nothing in it that is not so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from tests.docs.pages import README, ROOT, blocks, command_lines

from trimtab.demo import scenario

TEXT = README.read_text("utf-8")
RECIPES = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_it_is_short_and_its_first_result_is_near_the_top() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 150
    first = blocks([README], "bash")[0]
    assert first.line <= 8
    assert len(first.text.splitlines()) <= 8
    assert ["make", "demo"] in list(command_lines(first))


def test_every_recipe_that_is_named_is_in_the_makefile() -> None:
    named = set(re.findall(r"`make ([a-z]+)", TEXT))
    for block in blocks([README], "bash"):
        named |= {words[1] for words in command_lines(block) if words[0] == "make"}
    assert named
    assert named <= RECIPES


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/demo.md", "SECURITY.md"])
def test_recipes_named_elsewhere_exist_too(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) <= RECIPES


def test_the_steps_of_the_demo_are_those_it_takes() -> None:
    shown = re.findall(r"^\d\. .*$", TEXT, re.MULTILINE)
    source = Path(scenario.__file__).read_text("utf-8")
    taken = [step for step in re.findall(r'"(\d\. [^"]*)"', source) if "Nothing" not in step]
    assert shown == sorted(taken)


def test_every_path_that_is_named_exists() -> None:
    for path in re.findall(r"`((?:docs|examples|design|bench)/[\w./-]*|[A-Z]+\.md)`", TEXT):
        assert (ROOT / path).exists(), path


def test_the_versions_that_are_named_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11" in TEXT
    assert project["license"] == "Apache-2.0"
    assert "Apache-2.0" in TEXT
