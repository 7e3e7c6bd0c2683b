"""The page about the built-in scorers: each is there, its parameters too, and its example is so."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.docs.pages import ROOT

from trimtab.evals.scorers import scorers_of
from trimtab.ports import Subject
from trimtab.records import Score, Target
from trimtab.scorers.registry import BUILT_IN

PAGE = (ROOT / "docs" / "scorers.md").read_text("utf-8")
SECTIONS: dict[str, str] = dict(
    re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
)
JUDGED = {name for name in BUILT_IN if BUILT_IN[name].tier == "judge"}


def test_every_scorer_is_in_the_page_about_its_kind() -> None:
    assert set(SECTIONS) == set(BUILT_IN) - JUDGED
    judges = (ROOT / "docs" / "judges.md").read_text("utf-8")
    assert [name for name in sorted(JUDGED) if f"`{name}`" not in judges] == []


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_parameter_is_explained(name: str) -> None:
    for parameter in BUILT_IN[name].wants.parameters:
        assert f"`{parameter.name}`" in SECTIONS[name], parameter.name


def example(name: str) -> dict[str, Any] | None:
    found = re.search(r"^```json\n(.*?)^```$", SECTIONS[name], re.MULTILINE | re.DOTALL)
    return None if found is None else json.loads(found[1])


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_example_gives_what_it_says(name: str) -> None:
    shown = example(name)
    if shown is None:
        assert BUILT_IN[name].tier == "model"
        return
    gives = shown.pop("gives")
    [which] = scorers_of([shown.pop("scorer", name)], Path())
    assert which.name == name
    fields = {"target": Target(kind="example", id="e"), **shown}
    subject = msgspec.convert(msgspec.to_builtins(fields), Subject)
    scores = asyncio.run(which.score(subject))
    if isinstance(gives, dict):
        found = {score.name.removeprefix(f"{name}."): score.value for score in scores}
        assert {key: found[key] for key in gives} == pytest.approx(gives, abs=1e-4)
    else:
        assert [number(score) for score in scores] == [pytest.approx(gives, abs=1e-4)]


def number(score: Score) -> bool | float | None:
    return score.value if score.passed is None else score.passed


def test_the_numbers_of_a_whole_run_are_named() -> None:
    from trimtab.experiments import reducers

    for function in (reducers.classification, reducers.calibration):
        made = re.findall(
            r'"(\w+)": (?:measure|macro|discrimination|weighted)', inspect.getsource(function)
        )
        assert made
        for metric in made:
            assert f"`{metric}`" in SECTIONS[function.__name__], metric
