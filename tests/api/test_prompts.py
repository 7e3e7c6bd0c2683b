"""Prompts over HTTP: versions of templates, checked when they are written."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from tests.api.problems import problem
from tests.serving import Served

from trimtab.errors import NotFound

PATH = "/api/v1/prompts"


def prompt(name: str, content: Any = "Be brief.", **fields: Any) -> dict[str, Any]:
    return {"name": name, "messages": [{"role": "system", "content": content}], **fields}


def test_each_change_is_the_next_version_and_the_same_again_is_not(widgets: Served) -> None:
    first = widgets.client.post(PATH, prompt("steps", "One."))
    same = widgets.client.post(PATH, prompt("steps", "One."))
    second = widgets.client.post(PATH, prompt("steps", "Two {{ question }}."))
    assert [first["version"], same["version"], second["version"]] == [1, 1, 2]
    assert widgets.client.get(f"{PATH}/steps@1") == first
    assert widgets.client.get(f"{PATH}/steps") == second
    assert second["variables"] == ["question"]
    assert first["digest"] != second["digest"]


def test_the_list_has_the_newest_version_of_each(widgets: Served) -> None:
    for content in ("One.", "Two."):
        widgets.client.post(PATH, prompt("listed", content))
    rows = [row for row in widgets.client.get(PATH)["data"] if row["name"] == "listed"]
    assert [row["version"] for row in rows] == [2]


@pytest.mark.parametrize("name", ["日本 prompt", "a b", "100%", "what?", "#1", "ключ", "x" * 200])
def test_any_printable_name_can_be_asked_for_again(widgets: Served, name: str) -> None:
    widgets.client.post(PATH, prompt(name))
    assert widgets.client.get(f"{PATH}/{quote(name, safe='')}")["name"] == name


@pytest.mark.parametrize(
    "name", ["", " ", "a@b", "a/b", ".", "..", "a\0b", "a\nb", "x" * 201, "\u202e"]
)
def test_a_name_that_could_not_be_asked_for_is_refused(widgets: Served, name: str) -> None:
    assert "name" in problem(widgets.ask("POST", PATH, prompt(name)), 400)["detail"]


@pytest.mark.parametrize(
    "template",
    [
        "{% for %}",
        "{{ question",
        "{{ question | no_such_filter }}",
        "{{ question is no_such_test }}",
        "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
        "{% if %}" * 50,
    ],
    ids=["for", "unclosed", "filter", "test", "nesting", "if"],
)
def test_a_template_with_a_mistake_is_refused_when_it_is_written(
    widgets: Served, template: str
) -> None:
    found = problem(widgets.ask("POST", PATH, prompt("mistaken", template)), 400)
    assert "message" in found["where"]
    with pytest.raises(NotFound):
        widgets.client.get(f"{PATH}/mistaken")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": "p"}, "$"),
        ({"name": 7, "messages": []}, "$.name"),
        ({"name": "p", "messages": []}, "messages"),
        ({"name": "p", "messages": "hi"}, "$.messages"),
        ({"name": "p", "messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
        ({"name": "p", "messages": [{"role": "user", "contnet": "x"}]}, "$.messages[0]"),
        ({"name": "p", "messages": [{"content": "x"}]}, "$.messages[0]"),
        (prompt("p", parameters=[]), "$.parameters"),
        (prompt("p", parameters={"model": "x"}), "parameters.model"),
        (prompt("p", parameters={"stream": True}), "parameters.stream"),
        (prompt("p", label=["a"]), "$"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_and_the_place_is_named(
    widgets: Served, body: dict[str, Any], where: str
) -> None:
    problem(widgets.ask("POST", PATH, body), 400, where=where)


def test_an_unknown_prompt_and_an_unknown_version_are_told_apart(widgets: Served) -> None:
    widgets.client.post(PATH, prompt("known"))
    assert "'nobody'" in problem(widgets.ask("GET", f"{PATH}/nobody"), 404)["detail"]
    for version in ("0", "2", "-1", "x", "", "9" * 30):
        reply = widgets.ask("GET", f"{PATH}/known@{version}")
        assert reply.status in (400, 404)
        assert "known" in problem(reply, reply.status)["fix"]


def test_parts_of_a_message_are_kept_as_they_came(widgets: Served) -> None:
    parts = [{"type": "text", "text": "Look: {{ not a template }}"}, {"type": "image_url", "n": 1}]
    widgets.client.post(PATH, prompt("parts", parts))
    assert widgets.client.get(f"{PATH}/parts")["messages"][0]["content"] == parts
