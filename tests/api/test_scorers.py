"""The built-in scorers over HTTP."""

from __future__ import annotations

from tests.api.problems import problem
from tests.serving import Served


def test_scorers_are_listed_judges_among_them(widgets: Served) -> None:
    every = {one["name"]: one["tier"] for one in widgets.client.get("/api/v1/scorers")["data"]}
    assert (every["exact"], every["faithfulness"]) == ("code", "judge")
    code = widgets.client.get("/api/v1/scorers", {"tier": "code"})["data"]
    assert {one["tier"] for one in code} == {"code"}
    judges = widgets.client.get("/api/v1/judges")["data"]
    assert {one["name"] for one in judges} == {n for n, tier in every.items() if tier == "judge"}


def test_one_scorer_is_explained(widgets: Served) -> None:
    assert widgets.client.get("/api/v1/scorers/exact")["summary"]
    problem(widgets.ask("GET", "/api/v1/scorers/exat"), 404)
    problem(widgets.ask("GET", "/api/v1/scorers?tier=free"), 400)
